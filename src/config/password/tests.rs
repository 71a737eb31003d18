use super::PasswordHash;
use super::PasswordScheme;
use proptest::prelude::*;

const SALT: &str = "c29tZXNhbHRzb21lc2FsdA";
const HASH: &str = "MTIzNDU2Nzg5MGFiY2RlZjEyMzQ1Njc4OTBhYmNkZWY";
const BCRYPT: &str = "$2y$12$L6Bc/AlTQHyd9liGgGEZyOFLPHNgyxeEPfgYfBCVxJ7JIlwxyVU3u";

fn argon2id(parameters: &str) -> String {
    format!("$argon2id$v=19${parameters}${SALT}${HASH}")
}

#[track_caller]
fn refused(text: &str, why: &str) {
    let error = PasswordHash::parse(text).expect_err(text);
    assert!(error.to_string().contains(why), "{text}: {error}");
}

#[test]
fn what_libraries_write_is_read() {
    let hash = PasswordHash::parse(&argon2id("m=19456,t=2,p=1")).unwrap();
    let PasswordScheme::Argon2id(argon2id) = hash.scheme() else { panic!("{hash:?}") };
    assert_eq!((argon2id.memory_kib, argon2id.iterations, argon2id.parallelism), (19_456, 2, 1));
    assert_eq!((&*argon2id.salt, argon2id.hash.len()), (&b"somesaltsomesalt"[..], 32));
    for name in ["2a", "2b", "2y"] {
        let hash = PasswordHash::parse(&BCRYPT.replace("2y", name)).unwrap();
        assert!(matches!(hash.scheme(), PasswordScheme::Bcrypt(bcrypt) if bcrypt.cost == 12));
    }
}

#[test]
fn what_costs_too_much_or_is_not_exact_is_refused() {
    for (parameters, why) in [
        ("m=262145,t=1,p=1", "256 MiB"),
        ("m=4294967295,t=1,p=1", "256 MiB"),
        ("m=19456,t=17,p=1", "16 passes"),
        ("m=19456,t=0,p=1", "1 or more"),
        ("m=19456,t=2,p=9", "8 lanes"),
        ("m=19456,t=2,p=0", "8 lanes"),
        ("m=63,t=2,p=8", "8 KiB"),
        ("m=4294967296,t=2,p=1", "$argon2id$v=19"),
        ("m=+19456,t=2,p=1", "$argon2id$v=19"),
        ("m=019456,t=2,p=1", "$argon2id$v=19"),
        ("t=2,m=19456,p=1", "$argon2id$v=19"),
        ("m=19456,t=2,p=1,keyid=AA", "$argon2id$v=19"),
        ("m=19456,t=2", "$argon2id$v=19"),
    ] {
        refused(&argon2id(parameters), why);
    }
    let good = argon2id("m=19456,t=2,p=1");
    refused(&good.replace("v=19", "v=16"), "v=19");
    refused(&good.replace("v=19$", ""), "v=19");
    refused(&format!("{good}$"), "$argon2id$v=19");
    refused(&good.replace(SALT, "c2FsdA"), "8 to 64");
    refused(&good.replace(HASH, "c2FsdA"), "16 to 64");
    refused(&good.replace(HASH, &"QUFB".repeat(22)), "16 to 64");
    refused(&good.replace(SALT, &format!("{SALT}==")), "without =");
    // The last character has bits that belong to no byte.
    refused(&good.replace(HASH, &HASH.replace("WY", "WZ")), "base64");
    refused(&good.replace(HASH, &"A".repeat(43)), "placeholder");
    refused(&good.replace("argon2id", "argon2i"), "argon2i and argon2d");
    refused(&good.replace("argon2id", "argon2d"), "argon2i and argon2d");
    refused(&format!("{good}\n"), "ASCII");
    refused(&"$argon2id$".repeat(30), "longer than any");

    refused(&BCRYPT.replace("$12$", "$17$"), "above 16");
    refused(&BCRYPT.replace("$12$", "$03$"), "below 4");
    refused(&BCRYPT.replace("$12$", "$+9$"), "two digits");
    refused(&BCRYPT[..59], "31 of hash");
    refused(&format!("{BCRYPT}a"), "31 of hash");
    refused(&format!("{}{}", &BCRYPT[..29], ".".repeat(31)), "placeholder");
    refused(&BCRYPT.replace("yVU3u", "yVUéu"), "ASCII");
    refused(&BCRYPT.replace("2y", "2x"), "neither");
    for text in ["$apr1$abcdefgh$0123456789012345678901", "$6$salt$hash"] {
        refused(text, "crypt");
    }
    for text in ["", "$", "$$", "plain", "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "argon2id$v=19$", "$scrypt$ln=17$a$b"] {
        refused(text, "neither");
    }
}

#[test]
fn what_costs_less_than_owasps_least_is_weak() {
    for (parameters, weak) in [
        ("m=19456,t=2,p=1", false),
        ("m=47104,t=1,p=1", false),
        ("m=7168,t=5,p=1", false),
        ("m=65536,t=3,p=4", false),
        ("m=19456,t=1,p=1", true),
        ("m=7167,t=16,p=1", true),
        ("m=8,t=1,p=1", true),
    ] {
        assert_eq!(PasswordHash::parse(&argon2id(parameters)).unwrap().is_weak(), weak, "{parameters}");
    }
    assert!(!PasswordHash::parse(&BCRYPT.replace("$12$", "$10$")).unwrap().is_weak());
    assert!(PasswordHash::parse(&BCRYPT.replace("$12$", "$09$")).unwrap().is_weak());
}

#[test]
fn a_hash_is_not_in_its_debug() {
    for text in [argon2id("m=19456,t=2,p=1"), BCRYPT.to_owned()] {
        let hash = PasswordHash::parse(&text).unwrap();
        let said = format!("{hash:?}{:?}", hash.scheme());
        assert!(!said.contains('$') && !said.contains("19456") && !said.contains("1, 2"), "{said}");
    }
}

proptest! {
    #[test]
    fn no_text_panics_and_what_is_read_is_within_its_bounds(
        text in prop_oneof![
            any::<String>(),
            r"\$(argon2id|2[aby])\$[$,=mtpv0-9A-Za-z./+]{0,90}",
            r"\$2[aby]\$[0-9]{2}\$[./A-Za-z0-9]{53}",
            r"\$argon2id\$v=19\$m=[0-9]{1,6},t=[0-9]{1,2},p=[0-9]\$[A-Za-z0-9+/]{8,30}\$[A-Za-z0-9+/]{20,90}",
        ],
    ) {
        if let Ok(hash) = PasswordHash::parse(&text) {
            prop_assert_eq!(hash.as_str(), &text);
            match hash.scheme() {
                PasswordScheme::Argon2id(a) => prop_assert!(a.memory_kib <= 262_144 && a.hash.len() >= 16),
                PasswordScheme::Bcrypt(b) => prop_assert!((4..=16).contains(&b.cost)),
            }
        }
    }

    #[test]
    fn a_hash_with_one_character_changed_never_panics(at in 0_usize..60, c in any::<char>()) {
        let mut text: Vec<char> = BCRYPT.chars().collect();
        text[at] = c;
        let _ = PasswordHash::parse(&text.into_iter().collect::<String>());
    }
}
