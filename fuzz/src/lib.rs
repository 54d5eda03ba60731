//! What the fuzz targets share.

use std::fs;
use std::path::Path;

/// Writes the seeds of a target into its corpus, before libFuzzer reads it.
///
/// # Panics
/// A file cannot be written.
pub fn plant(target: &str, seeds: Vec<Vec<u8>>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(target);
    fs::create_dir_all(&folder).unwrap();
    for (number, seed) in seeds.into_iter().enumerate() {
        fs::write(folder.join(format!("seed-{number}")), seed).unwrap();
    }
}
