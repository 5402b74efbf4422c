//! Compiles `policy.sg` to one Rust module for each instance; refuses to build what is not proved.

use std::error::Error;
use std::path::{Path, PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=policy.sg");
    let folder = PathBuf::from(std::env::var("OUT_DIR")?);
    for file in palisade::embed::rust_modules(Path::new("policy.sg"))? {
        std::fs::write(folder.join(file.name), file.contents)?;
    }
    Ok(())
}
