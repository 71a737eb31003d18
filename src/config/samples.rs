//! Credentials that are printed in our own documentation: everybody has read them.

/// SHA-256 of tokens, in hexadecimal digits.
pub(super) const DIGESTS: &[&str] = &[
    // config/pushward.example.yml
    "2a0b3dffd1a55bd4c55cc7a8d1e9fd0e9a6a31c8b5b8a91b1cf9d2e86b1a7c01",
    "7c1d0a52e4f0b9a33c6d4be2fd8aa9d0415f6b71e2c3908d5fa6b4c7d8e9f012",
];

/// Hashes of passwords, whole.
pub(super) const PASSWORD_HASHES: &[&str] = &[
    // config/pushward.example.yml
    "$argon2id$v=19$m=19456,t=2,p=1$X3ncGafg2VhwpsI1V3b18Q$oKGcRwH/GHdNL5+PH02UYBGl76ZHlAGlQy6uAoROJng",
    "$argon2id$v=19$m=19456,t=2,p=1$P5c1b5tCeAHho9MZElXiow$L7K2OdSbJpW+LLDM0OTpGVd1UVrp9mdyWPAOI4cUhPA",
];
