//! Writes the seeds: `cargo run --bin seeds`, into `corpus/TARGET/`. A seed's name says what it is.

mod bodies;
mod certificates;
mod credentials;
mod files;
mod messages;
mod paths;

use std::fs;
use std::path::Path;

/// A seed's name, and what it is.
type Seed = (&'static str, Vec<u8>);

fn main() {
    let corpora: [(&str, Vec<Seed>); 13] = [
        ("accept", paths::accepts()),
        ("authorization", credentials::authorizations()),
        ("certificate", certificates::certificates()),
        ("config", files::configurations()),
        ("gzip", bodies::gzip()),
        ("jwt", credentials::jwts()),
        ("protobuf", messages::protobuf()),
        ("proxy", paths::proxies()),
        ("snappy", bodies::snappy()),
        ("text", bodies::text()),
        ("token", credentials::tokens()),
        ("url_path", paths::url_paths()),
        ("zstd", bodies::zstd()),
    ];
    for (target, seeds) in corpora {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
        fs::create_dir_all(&folder).expect("the folder can be made");
        for (name, seed) in seeds {
            fs::write(folder.join(name), seed).expect("the seed can be written");
        }
    }
}

fn texts(seeds: &[(&'static str, &str)]) -> Vec<Seed> {
    seeds.iter().map(|(name, text)| (*name, text.as_bytes().to_vec())).collect()
}
