//! One request for a JWKS: over TLS, to the host that is configured, within bounds of time and size, following nothing.

use super::opened;
use super::set::BYTES_MAX;
use bytes::Bytes;
use http::HeaderValue;
use http::Request;
use http::StatusCode;
use http::Uri;
use http::header::ACCEPT;
use http::header::AUTHORIZATION;
use http::header::HOST;
use http::header::USER_AGENT;
use http_body_util::BodyExt;
use http_body_util::Empty;
use http_body_util::LengthLimitError;
use http_body_util::Limited;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::RootCertStore;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::ServerName;
use rustls::pki_types::pem::PemObject;
use std::io::Read;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use zeroize::Zeroizing;

/// Projected Kubernetes tokens have some 1.5 KiB.
const TOKEN_BYTES_MAX: u64 = 16 << 10;
/// The CAs of a whole system have a quarter of this.
const CA_BYTES_MAX: u64 = 1 << 20;

/// Where a JWKS is, and what is needed to ask for it.
#[derive(Clone, Debug)]
pub(super) struct Place {
    uri: Uri,
    authority: HeaderValue,
    host: String,
    port: u16,
    ca_file: Option<PathBuf>,
    token_file: Option<PathBuf>,
}

/// Why there is no answer that can be used. Nothing of it is secret: neither the URL's query nor the token is in it.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    #[error("{} {text}", file.display())]
    File { file: PathBuf, text: String },
    #[error("the system has no CA certificates")]
    NoRoots,
    #[error("no connection: {0}")]
    Connection(std::io::Error),
    #[error("TLS: {0}")]
    Tls(std::io::Error),
    #[error("no HTTP: {0}")]
    Http(#[from] hyper::Error),
    #[error("it answered {}, expected 200; redirects are not followed", .0.as_u16())]
    Status(StatusCode),
    #[error("its answer is larger than 1MiB")]
    TooLarge,
    #[error("its answer broke off")]
    BrokenOff,
    #[error("the request cannot be made")]
    Request,
}

impl Place {
    /// `None` for anything but `https://host[:port]/path[?query]`.
    pub(super) fn new(url: &str, ca_file: Option<PathBuf>, token_file: Option<PathBuf>) -> Option<Self> {
        let uri: Uri = url.parse().ok()?;
        let authority = uri.authority()?;
        if uri.scheme_str() != Some("https") || authority.as_str().contains('@') {
            return None;
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = authority.port_u16().unwrap_or(443);
        let authority = HeaderValue::from_str(authority.as_str()).ok()?;
        (!host.is_empty()).then_some(Self { uri, authority, host, port, ca_file, token_file })
    }

    /// The document. Takes as long as the other side likes: the caller has a deadline.
    pub(super) async fn fetch(&self) -> Result<Bytes, FetchError> {
        let own = self.clone();
        let prepared = tokio::task::spawn_blocking(move || (own.tls(), own.request())).await;
        let (tls, request) = prepared.map_err(|_| FetchError::Request)?;
        let (tls, request) = (tls?, request?);
        let name = ServerName::try_from(self.host.clone()).map_err(|_| FetchError::Request)?;
        let socket = TcpStream::connect((self.host.as_str(), self.port)).await.map_err(FetchError::Connection)?;
        let stream = TlsConnector::from(Arc::new(tls)).connect(name, socket).await.map_err(FetchError::Tls)?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // Its end is no news: what it has read until then, or its error, reaches whoever reads the answer.
        let connection = async {
            drop(connection.await);
            std::future::pending().await
        };
        let exchange = async {
            let answer = sender.send_request(request).await?;
            if answer.status() != StatusCode::OK {
                return Err(FetchError::Status(answer.status()));
            }
            let body = Limited::new(answer.into_body(), BYTES_MAX).collect().await;
            body.map(http_body_util::Collected::to_bytes).map_err(|error| {
                let too_large = error.is::<LengthLimitError>();
                if too_large { FetchError::TooLarge } else { FetchError::BrokenOff }
            })
        };
        tokio::select! {
            document = exchange => document,
            never = connection => never,
        }
    }

    fn request(&self) -> Result<Request<Empty<Bytes>>, FetchError> {
        let path = self.uri.path_and_query().map_or("/", |path| path.as_str());
        let mut request = Request::get(path)
            .header(HOST, self.authority.clone())
            .header(ACCEPT, "application/jwk-set+json, application/json")
            .header(USER_AGENT, concat!("pushward/", env!("CARGO_PKG_VERSION")));
        if let Some(file) = &self.token_file {
            request = request.header(AUTHORIZATION, bearer(file)?);
        }
        request.body(Empty::new()).map_err(|_| FetchError::Request)
    }

    /// Certificates of `ca_file` alone, or else the system's. Read for each request, so that new ones are seen.
    fn tls(&self) -> Result<ClientConfig, FetchError> {
        let mut roots = RootCertStore::empty();
        match &self.ca_file {
            Some(file) => {
                let fault = |text: &str| FetchError::File { file: file.clone(), text: text.to_owned() };
                let pem = read(file, CA_BYTES_MAX)?;
                for certificate in CertificateDer::pem_slice_iter(&pem) {
                    let certificate = certificate.map_err(|_| fault("is no PEM"))?;
                    roots.add(certificate).map_err(|_| fault("holds a certificate that cannot be used"))?;
                }
                if roots.is_empty() {
                    return Err(fault("holds no certificate"));
                }
            }
            None => {
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
                if roots.is_empty() {
                    return Err(FetchError::NoRoots);
                }
            }
        }
        let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|_| FetchError::Request)?;
        let mut config = builder.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }
}

fn bearer(file: &Path) -> Result<HeaderValue, FetchError> {
    let fault = || FetchError::File { file: file.to_owned(), text: "holds no token".to_owned() };
    let content = read(file, TOKEN_BYTES_MAX)?;
    let token = std::str::from_utf8(&content).map_err(|_| fault())?.trim();
    if token.is_empty() || token.contains(char::is_whitespace) {
        return Err(fault());
    }
    let header = Zeroizing::new(format!("Bearer {token}"));
    let mut value = HeaderValue::from_str(&header).map_err(|_| fault())?;
    value.set_sensitive(true);
    Ok(value)
}

fn read(file: &Path, max: u64) -> Result<Zeroizing<Vec<u8>>, FetchError> {
    let fault = |text: String| FetchError::File { file: file.to_owned(), text };
    let mut content = Zeroizing::new(Vec::new());
    opened(file)
        .and_then(|file| file.take(max + 1).read_to_end(&mut content))
        .map_err(|error| fault(format!("cannot be read: {error}")))?;
    if content.len() as u64 > max {
        return Err(fault(format!("is larger than {max} bytes")));
    }
    Ok(content)
}

#[cfg(test)]
mod tests {
    use super::Place;

    #[test]
    fn a_place_is_an_https_url_of_a_host() {
        for bad in
            ["http://i/jwks", "https://", "https://u:p@i/jwks", "https://u@i/", "/jwks", "i/jwks", "ftp://i/", ""]
        {
            assert!(Place::new(bad, None, None).is_none(), "{bad}");
        }
        let place = Place::new("https://[::1]:8443/a?b", None, None).unwrap();
        assert_eq!((place.host.as_str(), place.port), ("::1", 8443));
        assert_eq!(Place::new("https://issuer", None, None).unwrap().port, 443);
    }
}
