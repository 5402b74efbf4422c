//! From a plan to named files: which placements are compiled and what the files are called.

use palisade_ir::{EmitError, InstanceId, Options, Placement, Plan};

use crate::targets::Target;

/// A file to be written or compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputFile {
    /// `NAME.SUFFIX`
    pub name: String,
    /// The bytes.
    pub contents: Vec<u8>,
}

/// What to compile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// Every instance as a host.
    Instances,
    /// One instance as a host.
    Instance(InstanceId),
    /// The gateway.
    Gateway,
}

/// A target refused: nothing was compiled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{stem}: {error}")]
pub struct CompileError {
    /// The instance or `gateway`.
    pub stem: String,
    /// Why.
    pub error: EmitError,
}

/// The files of a selection, sorted by placement and in loading order within one. A policy without instances has none.
pub fn compile(
    plan: &Plan,
    target: Target,
    selection: &Selection,
    options: &Options,
) -> Result<Vec<OutputFile>, CompileError> {
    let placements: Vec<Placement> = match selection {
        Selection::Instances => {
            (0..plan.instances.len()).map(|at| Placement::Host(InstanceId(at as u32))).collect()
        }
        Selection::Instance(id) => vec![Placement::Host(*id)],
        Selection::Gateway => vec![Placement::Gateway],
    };
    let mut files = Vec::new();
    for placement in placements {
        let stem = stem(plan, placement);
        let options = Options { placement, ..options.clone() };
        let artifact = target
            .backend()
            .emit(plan, &options)
            .map_err(|error| CompileError { stem: stem.clone(), error })?;
        files.extend(
            artifact
                .files
                .into_iter()
                .map(|file| OutputFile { name: format!("{stem}.{}", file.suffix), contents: file.contents }),
        );
    }
    Ok(files)
}

/// The first part of a placement's file names. Resolving refuses an instance called `gateway`.
fn stem(plan: &Plan, placement: Placement) -> String {
    match placement {
        Placement::Host(InstanceId(at)) => {
            plan.instances.get(at as usize).map(|instance| instance.name.to_string()).unwrap_or_default()
        }
        Placement::Gateway => "gateway".to_owned(),
    }
}
