//! From a plan to named files: which placements are compiled and what the files are called.

use std::num::NonZero;
use std::panic::resume_unwind;
use std::thread;

use palisade_ir::{Artifact, ArtifactFile, EmitError, InstanceId, Options, Placement, Plan};

use crate::targets::Target;

/// The fewest placements that a thread is worth.
const LOT: usize = 64;

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

/// What a target says for one placement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Emitted {
    /// The first part of its file names: the instance, or `gateway`.
    pub stem: String,
    /// The options it was made with, the placement among them.
    pub options: Options,
    /// The files.
    pub artifact: Artifact,
}

impl Emitted {
    /// The files with their names, in loading order.
    pub fn files(self) -> impl Iterator<Item = OutputFile> {
        let Self { stem, options: _, artifact } = self;
        let named = move |file: ArtifactFile| OutputFile {
            name: format!("{stem}.{}", file.suffix),
            contents: file.contents,
        };
        artifact.files.into_iter().map(named)
    }
}

/// The files of a selection, sorted by placement and in loading order within one. A policy without instances has none.
pub fn compile(
    plan: &Plan,
    target: Target,
    selection: &Selection,
    options: &Options,
) -> Result<Vec<OutputFile>, CompileError> {
    Ok(emit(plan, target, selection, options)?.into_iter().flat_map(Emitted::files).collect())
}

/// What a target says for a selection, by placement.
pub fn emit(
    plan: &Plan,
    target: Target,
    selection: &Selection,
    options: &Options,
) -> Result<Vec<Emitted>, CompileError> {
    let placements: Vec<Placement> = match selection {
        Selection::Instances => {
            (0..plan.instances.len()).map(|at| Placement::Host(InstanceId(at as u32))).collect()
        }
        Selection::Instance(id) => vec![Placement::Host(*id)],
        Selection::Gateway => vec![Placement::Gateway],
    };
    let one = |placement: &Placement| {
        let stem = stem(plan, *placement);
        let options = Options { placement: *placement, ..options.clone() };
        match target.backend().emit(plan, &options) {
            Ok(artifact) => Ok(Emitted { stem, options, artifact }),
            Err(error) => Err(CompileError { stem, error }),
        }
    };
    let all = |placements: &[Placement]| placements.iter().map(one).collect::<Result<Vec<Emitted>, _>>();
    let lot = placements.len().div_ceil(workers(placements.len())).max(1);
    let lots: Vec<_> = thread::scope(|scope| {
        let workers: Vec<_> = placements.chunks(lot).map(|lot| scope.spawn(move || all(lot))).collect();
        workers.into_iter().map(|worker| worker.join().unwrap_or_else(|panic| resume_unwind(panic))).collect()
    });
    // The first refusal by placement, whoever was first in time.
    Ok(lots.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}

/// How many threads share the placements: a fleet is worth one for each processor, a few hosts are not.
fn workers(placements: usize) -> usize {
    let processors = thread::available_parallelism().map_or(1, NonZero::get);
    processors.min(placements.div_ceil(LOT)).max(1)
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
