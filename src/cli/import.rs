//! `palisade import`: a cloud's listings in, a policy out. One bad listing is enough for there to be none.

use std::fs;
use std::path::Path;

use super::args::{Cloud, ImportArgs};
use super::{Exit, Failure, output, policy};
use crate::import::{Input, aliyun};

pub(super) fn run(args: &ImportArgs) -> Result<Exit, Failure> {
    let inputs: Vec<Input> = args.files.iter().map(|path| read(path)).collect::<Result<_, Failure>>()?;
    let import = match args.cloud {
        Cloud::Aliyun => aliyun::import(&inputs),
    };
    policy::tell(&import.sources, &import.diagnostics, args.format);
    let Some(text) = import.policy else { return Ok(Exit::Rejected) };
    match &args.output {
        Some(path) => output::write_atomically(path, text.as_bytes())?,
        None => output::print(text.as_bytes())?,
    }
    Ok(Exit::Fine)
}

fn read(path: &Path) -> Result<Input, Failure> {
    let name = path.display().to_string();
    let bytes = fs::read(path).map_err(|error| Failure::io(&format!("cannot read `{name}`"), &error))?;
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Input { name, text }),
        Err(_) => {
            output::complain(
                &format!("`{name}` is not UTF-8 text"),
                Some("listings are JSON, which is UTF-8"),
            );
            Err(Failure::Told(Exit::Rejected))
        }
    }
}
