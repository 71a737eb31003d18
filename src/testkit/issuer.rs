//! An issuer of JWTs that lives as long as a test. Its private keys are never written anywhere.

use crate::config::Algorithm;
use crate::config::Issuer;
use crate::config::KeySource;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::EncodingKey;
use jsonwebtoken::jwk::Jwk;
use rcgen::KeyPair;
use serde_json::Value;
use serde_json::json;
use std::time::Duration;
use tempfile::NamedTempFile;

/// Signs whatever it is told to. Its claim `iss` is `https://NAME.example`.
#[derive(Debug)]
pub struct TestIssuer {
    pub name: String,
    keys: Vec<TestKey>,
    made: usize,
    file: NamedTempFile,
}

struct TestKey {
    kid: String,
    algorithm: Algorithm,
    key: EncodingKey,
    /// Without `kid` and `use`.
    public: Value,
}

impl TestIssuer {
    /// The `aud` of its tokens and the only audience of [`TestIssuer::config`].
    pub const AUDIENCE: &str = "https://push.example";
    /// The `exp` of its tokens: ten minutes after [`MockClock`](super::MockClock) begins.
    pub const EXPIRES: i64 = 1_893_456_600;

    /// With one ES256 key, which is the fastest to make.
    pub fn new(name: &str) -> Self {
        Self::with_keys(name, &[Algorithm::Es256])
    }

    /// With a key for each of `algorithms`; the first signs.
    pub fn with_keys(name: &str, algorithms: &[Algorithm]) -> Self {
        let file = NamedTempFile::new().expect("a place for temporary files");
        let mut issuer = Self { name: name.to_owned(), keys: Vec::new(), made: 0, file };
        for algorithm in algorithms {
            issuer.add_key(*algorithm);
        }
        issuer.publish();
        issuer
    }

    fn add_key(&mut self, algorithm: Algorithm) {
        self.made += 1;
        let kid = format!("{}-{}", self.name, self.made);
        let (key, public) = pair(algorithm);
        self.keys.push(TestKey { kid, algorithm, key, public });
    }

    /// Forgets its keys and signs with a new one. What [`TestIssuer::publish`] wrote stays.
    pub fn rotate(&mut self) {
        self.keys.clear();
        self.add_key(Algorithm::Es256);
    }

    /// Writes its public keys into its file.
    pub fn publish(&self) {
        self.publish_text(&self.jwks());
    }

    /// Writes `text` into its file.
    pub fn publish_text(&self, text: &str) {
        std::fs::write(self.file.path(), text).expect("a temporary file can be written");
    }

    /// Its public keys.
    pub fn jwks(&self) -> String {
        let keys: Vec<Value> = self.keys.iter().map(TestKey::public).collect();
        json!({ "keys": keys }).to_string()
    }

    /// What a gateway would be told of it, without tenants: keys by file, any algorithm, no leeway.
    pub fn config(&self) -> Issuer {
        Issuer {
            name: self.name.clone(),
            preset: None,
            issuer: format!("https://{}.example", self.name),
            audiences: [Self::AUDIENCE.to_owned()].into(),
            algorithms: ALL.map(|(algorithm, _, _)| algorithm).into(),
            keys: KeySource::File(self.file.path().to_owned()),
            jwks_max_age: Duration::from_secs(24 * 3600),
            leeway: Duration::ZERO,
            tenants: [].into(),
        }
    }

    /// `claims` with `iss`, `aud` and `exp`, where they are not in it. A claim that is null there is left out.
    pub fn claims(&self, claims: &Value) -> Value {
        let mut all = json!({
            "iss": format!("https://{}.example", self.name),
            "aud": Self::AUDIENCE,
            "exp": Self::EXPIRES,
        });
        let members = all.as_object_mut().expect("an object");
        members.extend(claims.as_object().expect("an object").clone());
        members.retain(|_, value| !value.is_null());
        all
    }

    /// A token with these claims besides the usual ones, by its first key.
    pub fn sign(&self, claims: &Value) -> String {
        self.sign_with_header(&json!({}), claims)
    }

    /// The same with members of the header besides or instead of `typ`, `alg` and `kid`; null leaves one out.
    pub fn sign_with_header(&self, header: &Value, claims: &Value) -> String {
        let key = self.keys.first().expect("an issuer has a key");
        let mut all = json!({ "typ": "JWT", "alg": key.name(), "kid": key.kid });
        let members = all.as_object_mut().expect("an object");
        members.extend(header.as_object().expect("an object").clone());
        members.retain(|_, value| !value.is_null());
        self.sign_text(&all.to_string(), &self.claims(claims).to_string())
    }

    /// A token of exactly this header and payload, by its first key.
    pub fn sign_text(&self, header: &str, payload: &str) -> String {
        let key = self.keys.first().expect("an issuer has a key");
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
        let signature = jsonwebtoken::crypto::sign(signed.as_bytes(), &key.key, key.signing()).expect("a signature");
        format!("{signed}.{signature}")
    }
}

/// The algorithms, the names of their keys' kinds, and jsonwebtoken's names for them.
const ALL: [(Algorithm, &str, jsonwebtoken::Algorithm); 9] = [
    (Algorithm::Rs256, "RS256", jsonwebtoken::Algorithm::RS256),
    (Algorithm::Rs384, "RS384", jsonwebtoken::Algorithm::RS384),
    (Algorithm::Rs512, "RS512", jsonwebtoken::Algorithm::RS512),
    (Algorithm::Ps256, "PS256", jsonwebtoken::Algorithm::PS256),
    (Algorithm::Ps384, "PS384", jsonwebtoken::Algorithm::PS384),
    (Algorithm::Ps512, "PS512", jsonwebtoken::Algorithm::PS512),
    (Algorithm::Es256, "ES256", jsonwebtoken::Algorithm::ES256),
    (Algorithm::Es384, "ES384", jsonwebtoken::Algorithm::ES384),
    (Algorithm::EdDsa, "EdDSA", jsonwebtoken::Algorithm::EdDSA),
];

impl TestKey {
    fn row(&self) -> (Algorithm, &'static str, jsonwebtoken::Algorithm) {
        *ALL.iter().find(|(algorithm, _, _)| *algorithm == self.algorithm).expect("all are there")
    }

    fn name(&self) -> &'static str {
        self.row().1
    }

    fn signing(&self) -> jsonwebtoken::Algorithm {
        self.row().2
    }

    fn public(&self) -> Value {
        let mut jwk = self.public.clone();
        let members = jwk.as_object_mut().expect("an object");
        members.insert("kid".to_owned(), json!(self.kid));
        members.insert("use".to_owned(), json!("sig"));
        jwk
    }
}

impl std::fmt::Debug for TestKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("TestKey").field(&self.kid).field(&self.algorithm).finish()
    }
}

/// A new private key and its public one.
fn pair(algorithm: Algorithm) -> (EncodingKey, Value) {
    /// Before the key itself in PKCS #8 of RSA keys of 2048 bits and more (RFC 5958): their lengths take the same bytes.
    const RSA_HEADER: usize = 26;
    let made = |kind| KeyPair::generate_for(kind).expect("a key");
    let (key, family) = match algorithm {
        Algorithm::EdDsa => {
            let pair = made(&rcgen::PKCS_ED25519);
            let x = URL_SAFE_NO_PAD.encode(pair.public_key_raw());
            let public = json!({ "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "x": x });
            return (EncodingKey::from_ed_der(&pair.serialize_der()), public);
        }
        Algorithm::Es256 => {
            let pair = made(&rcgen::PKCS_ECDSA_P256_SHA256);
            (EncodingKey::from_ec_der(&pair.serialize_der()), jsonwebtoken::Algorithm::ES256)
        }
        Algorithm::Es384 => {
            let pair = made(&rcgen::PKCS_ECDSA_P384_SHA384);
            (EncodingKey::from_ec_der(&pair.serialize_der()), jsonwebtoken::Algorithm::ES384)
        }
        _ => {
            let pkcs8 = made(&rcgen::PKCS_RSA_SHA256).serialize_der();
            let key = pkcs8.get(RSA_HEADER..).expect("longer than its header");
            (EncodingKey::from_rsa_der(key), jsonwebtoken::Algorithm::RS256)
        }
    };
    let public = Jwk::from_encoding_key(&key, family).expect("a public key");
    let mut public = serde_json::to_value(public).expect("JSON");
    // An RSA key signs in six ways.
    public.as_object_mut().expect("an object").remove("alg");
    (key, public)
}
