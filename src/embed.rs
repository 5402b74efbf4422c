//! The whole way in one call, for build scripts: a policy file in, Rust modules out, each proved to mean the policy.

use std::fmt;
use std::path::Path;

use palisade_ir::decide::Budget;
use palisade_ir::{Options, Placement};

use crate::analyze::{Unmet, check_expect};
use crate::compile::{Emitted, OutputFile, Selection, emit};
use crate::front::{self, Front};
use crate::lower::lower;
use crate::optimize::optimize_plan;
use crate::report::{plain, words};
use crate::source::LoadOptions;
use crate::targets::Target;
use crate::verify::{show, verify};

/// Why there are no modules, in words for whoever builds. Its `Debug` form is the same text, for a build script that ends
/// with the error prints that.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct EmbedError(String);

impl fmt::Debug for EmbedError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "\n{self}")
    }
}

/// Reads a policy and gives the module of each instance, `NAME.rs`, sorted by the policy's order.
///
/// Nothing is given where the policy has an error, one of its expectations does not hold, or a module is not proved to
/// mean the policy for all packets.
///
/// ```no_run
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     println!("cargo::rerun-if-changed=policy.sg");
///     let folder = std::path::PathBuf::from(std::env::var("OUT_DIR")?);
///     for file in palisade::embed::rust_modules("policy.sg".as_ref())? {
///         std::fs::write(folder.join(file.name), file.contents)?;
///     }
///     Ok(())
/// }
/// ```
pub fn rust_modules(policy: &Path) -> Result<Vec<OutputFile>, EmbedError> {
    let front =
        front::read(policy, &LoadOptions::default()).map_err(|error| EmbedError(error.to_string()))?;
    let Front { sources, files: _, policy, diagnostics } = front;
    let policy = policy.ok_or_else(|| EmbedError(plain(&diagnostics, &sources)))?;
    let plan = lower(&policy);
    for expect in &policy.expects {
        let Err(unmet) = check_expect(&policy, &plan, expect) else { continue };
        let why = match unmet {
            Unmet::Fails(failure) => format!("fails for {}", words::packet(&failure.packet)),
            Unmet::Undecided => "is too large to decide".to_owned(),
        };
        let place = sources.position(expect.at).map(|(path, line, _)| format!("{path}:{line}: "));
        let place = place.unwrap_or_default();
        return Err(EmbedError(format!("{place}the expectation {why}; `palisade check` shows more")));
    }
    let options = Options::at(Placement::Gateway);
    let emitted = emit(&optimize_plan(&plan).0, Target::Rust, &Selection::Instances, &options)
        .map_err(|error| EmbedError(error.to_string()))?;
    for Emitted { stem, options, artifact } in &emitted {
        verify(&plan, Target::Rust, options, artifact, &mut Budget::default()).map_err(|failure| {
            let (policy, sources, plan) = (&policy, &sources, &plan);
            EmbedError(show::failure(
                &show::Setting { policy, sources, plan, stem, artifact, listings: &[] },
                &failure,
            ))
        })?;
    }
    Ok(emitted.into_iter().flat_map(Emitted::files).collect())
}
