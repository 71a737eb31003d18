//! What is loaded of `client_cas`, and what refuses to be.

use super::clients::ASKING;
use super::clients::asking;
use super::clients::client;
use super::clients::client_ca;
use super::clients::knock;
use super::clients::listening;
use super::harness::server_tls_with;
use crate::config::ClientAuth;
use crate::config::TlsProfile;
use crate::model::Timestamp;
use crate::testkit::TestCa;
use rcgen::IsCa;
use rcgen::KeyUsagePurpose::CrlSign;
use rustls::version::TLS13;

fn ended(name: &str) -> TestCa {
    TestCa::with(name, |params| params.not_after = rcgen::date_time_ymd(2020, 1, 1))
}

#[test]
fn a_ca_file_that_cannot_be_believed_refuses_to_load_and_is_named() {
    let (server, edge) = (TestCa::new(), TestCa::named("edge"));
    let pem = edge.pem();
    let key = edge.client(|c| c).key_pem;
    let crl = edge.crl(&[], Timestamp::from_unix_seconds(4_000_000_000)).pem;
    let leaf = edge.client(|c| c).chain_pem;
    let no_ca = TestCa::with("no CA", |params| params.is_ca = IsCa::ExplicitNoCa).pem();
    let no_signer = TestCa::with("no signer", |params| params.key_usages = vec![CrlSign]).pem();
    let no_der = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let locked = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let trusted = pem.replace("CERTIFICATE", "TRUSTED CERTIFICATE");
    for (content, wanted) in [
        ("", "the file is empty"),
        (" \n", "the file is empty"),
        ("believe everybody\n", "no certificate in it"),
        (&pem.replace('M', "!"), "this is not PEM"),
        (no_der, "certificate 1 cannot be a CA's root"),
        (&key, "holds a private key"),
        (locked, "holds a private key"),
        (&format!("{pem}{key}"), "holds a private key"),
        (&format!("{pem}{crl}"), "holds a revocation list"),
        (&trusted, "holds a PEM section other than CERTIFICATE"),
        (&leaf, "certificate 1 cannot be a CA's root: it is not a CA's"),
        (&no_ca, "it is not a CA's"),
        (&format!("{pem}{no_signer}"), "certificate 2 cannot be a CA's root: it is not for signing"),
        (&format!("{pem}{no_der}"), "certificate 2 cannot"),
        (&ended("ended").pem(), "has expired"),
    ] {
        for auth in ASKING {
            let error = asking(&server, auth, &[content]).unwrap_err().to_string();
            assert!(error.contains("ca-0.pem: ") && error.contains(wanted), "{wanted}: {error}");
            if wanted != "has expired" {
                let beside = asking(&server, auth, &[&pem, content]).unwrap_err().to_string();
                assert!(beside.contains("ca-1.pem: "), "{wanted}: {beside}");
            }
        }
    }
}

#[test]
fn a_ca_file_that_is_not_there_or_is_none_refuses_to_load() {
    for (path, wanted) in [("absent.pem", "No such file"), (".", "directory")] {
        for auth in ASKING {
            let loaded = server_tls_with(&TestCa::new(), TlsProfile::Modern, |tls, directory| {
                tls.client_auth = auth;
                tls.client_cas.insert("edge".to_owned(), client_ca("edge", directory.join(path)));
            });
            let error = loaded.unwrap_err().to_string();
            assert!(error.contains(path) && error.contains(wanted), "{error}");
        }
    }
}

#[test]
fn asking_for_certificates_of_no_ca_is_refused() {
    for auth in ASKING {
        let error = asking(&TestCa::new(), auth, &[]).unwrap_err().to_string();
        assert!(error.contains("`client_cas` names no CA"), "{error}");
    }
    assert!(asking(&TestCa::new(), ClientAuth::Off, &[]).is_ok());
}

#[tokio::test]
async fn every_root_of_every_file_is_believed_but_an_expired_one() {
    let [first, second, third] = ["1", "2", "3"].map(TestCa::named);
    let gone = ended("gone");
    let server = listening(ClientAuth::Required, &[&first]);
    let both = format!("{}{}{}", second.pem(), gone.pem(), third.pem());
    let tls = asking(&server.ca, ClientAuth::Required, &[&first.pem(), &both]).unwrap();
    server.tls.as_ref().unwrap().replace(tls);
    for (ca, believed) in [(&first, true), (&second, true), (&third, true), (&gone, false)] {
        let config = client(&[&server], &TLS13, "h2", Some(&ca.client(|c| c)));
        assert_eq!(knock(&server, &config).await.is_ok(), believed);
    }
}
