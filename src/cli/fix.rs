//! `palisade check --fix`: takes rules out of the source that say nothing, and proves that nothing else changed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use palisade_grammar::Span;
use palisade_ir::decide::Budget;

use super::args::CheckArgs;
use super::compile::text_diff;
use super::{Exit, Failure, output};
use crate::diagnostic::{FileId, Location, Sources};
use crate::front::Front;
use crate::lint;
use crate::policy::Policy;
use crate::report::visible;
use crate::source::{Disk, FileSystem, LoadOptions, ReadError, load_from};

/// The most proofs in one run; what is left then is left alone.
const PROOFS: usize = 64;
/// Steps for finding what can go, and for each proof.
const STEPS: u64 = 100_000_000;

/// The disk, with some texts as they would be.
struct Edited<'a> {
    texts: &'a BTreeMap<PathBuf, String>,
}

impl FileSystem for Edited<'_> {
    fn canonical(&self, path: &Path) -> Result<PathBuf, ReadError> {
        Disk.canonical(path)
    }

    fn read(&self, path: &Path, most: u64) -> Result<Vec<u8>, ReadError> {
        match self.texts.get(path) {
            Some(text) => Ok(text.clone().into_bytes()),
            None => Disk.read(path, most),
        }
    }
}

/// A run on one policy.
struct Fixing<'a> {
    root: &'a Path,
    options: LoadOptions,
    /// The true path of the policy's folder: files elsewhere belong to others.
    home: PathBuf,
    proofs: usize,
    /// Texts as they are to be, by true path.
    texts: BTreeMap<PathBuf, String>,
}

/// Fixes, or shows what would be fixed; `None` where checking goes on.
pub(super) fn run(args: &CheckArgs) -> Result<Option<Exit>, Failure> {
    let options = LoadOptions { include_dirs: args.include_dir.clone(), ..LoadOptions::default() };
    let failed = |why: ReadError| Failure::usage(format!("cannot read `{}`: {why}", args.policy.display()));
    let home = Disk.canonical(&args.policy).map_err(failed)?.parent().map(Path::to_owned).unwrap_or_default();
    let mut fixing = Fixing { root: &args.policy, options, home, proofs: PROOFS, texts: BTreeMap::new() };
    let before = fixing.front(&BTreeMap::new())?;
    let Some(policy) = &before.policy else {
        // What is wrong is told by the check itself.
        return Ok(args.dry_run.then_some(Exit::Rejected));
    };
    let mut removed = 0;
    loop {
        let found = fixing.round(policy)?;
        removed += found;
        if found == 0 {
            break;
        }
    }
    let changed = fixing.changed(&before.sources);
    if args.dry_run {
        let diffs = changed.iter().map(|(_, shown, old, new)| text_diff(&visible(shown), old, new));
        output::print(diffs.collect::<String>().as_bytes())?;
        return Ok(Some(if changed.is_empty() { Exit::Fine } else { Exit::Difference }));
    }
    write(&changed)?;
    if removed > 0 {
        let rules =
            if removed == 1 { "1 redundant rule".to_owned() } else { format!("{removed} redundant rules") };
        output::tell(&format!("removed {rules}; the meaning is the same, for all packets\n"));
    }
    Ok(None)
}

/// True path, shown path, text before and after.
type Changed = (PathBuf, String, String, String);

/// Writes all, unless one of the files is no longer what was read.
fn write(changed: &[Changed]) -> Result<(), Failure> {
    for (path, shown, old, _) in changed {
        if std::fs::read_to_string(path).ok().as_ref() != Some(old) {
            return Err(Failure::usage(format!("`{shown}` changed in the meantime; nothing is written")));
        }
    }
    changed.iter().try_for_each(|(path, _, _, new)| output::write_atomically(path, new.as_bytes()))
}

impl Fixing<'_> {
    /// The policy with further texts in place.
    fn front(&self, more: &BTreeMap<PathBuf, String>) -> Result<Front, Failure> {
        let mut texts = self.texts.clone();
        texts.extend(more.clone());
        load_from(&Edited { texts: &texts }, self.root, &self.options)
            .map(Front::from)
            .map_err(|error| Failure::usage(error.to_string()))
    }

    /// Takes out what can go now; how many rules that were.
    fn round(&mut self, original: &Policy) -> Result<usize, Failure> {
        let front = self.front(&BTreeMap::new())?;
        let Front { sources, files, policy: Some(policy), diagnostics } = &front else { return Ok(0) };
        let mut all = lint::removable(policy, files, diagnostics, &mut Budget::new(STEPS));
        let own: BTreeSet<FileId> =
            files.iter().map(|(id, _)| *id).filter(|id| self.is_own(sources, *id)).collect();
        all.retain(|at| own.contains(&at.file));
        let accepted = self.accept(original, sources, &[], &all)?;
        if !accepted.is_empty()
            && let Some(texts) = self.edited(sources, &accepted)
        {
            self.texts.extend(texts);
        }
        Ok(accepted.len())
    }

    /// Of these rules those that can go together, beside `known`. Halves where the whole changes the meaning.
    fn accept(
        &mut self,
        original: &Policy,
        sources: &Sources,
        known: &[Location],
        some: &[Location],
    ) -> Result<Vec<Location>, Failure> {
        if some.is_empty() || self.proofs == 0 {
            return Ok(Vec::new());
        }
        self.proofs -= 1;
        let trial = [known, some].concat();
        let held = match self.edited(sources, &trial) {
            None => false,
            Some(texts) => {
                let policy = self.front(&texts)?.policy;
                policy.is_some_and(|policy| {
                    lint::same_meaning(original, &policy, &mut Budget::new(STEPS)).unwrap_or(false)
                })
            }
        };
        if held {
            return Ok(some.to_vec());
        }
        let Some((one, other)) = some.split_at_checked(some.len() / 2).filter(|(one, _)| !one.is_empty())
        else {
            return Ok(Vec::new());
        };
        let mut accepted = self.accept(original, sources, known, one)?;
        let known = [known, &accepted].concat();
        accepted.extend(self.accept(original, sources, &known, other)?);
        Ok(accepted)
    }

    /// The texts without these rules, by true path.
    fn edited(&self, sources: &Sources, rules: &[Location]) -> Option<BTreeMap<PathBuf, String>> {
        let mut spans: BTreeMap<FileId, Vec<Span>> = BTreeMap::new();
        for at in rules {
            spans.entry(at.file).or_default().push(at.span);
        }
        let edit = |(id, spans): (&FileId, &Vec<Span>)| {
            let source = sources.get(*id)?;
            let path = Disk.canonical(Path::new(&source.path)).ok()?;
            Some((path, lint::without(&source.text, spans)?))
        };
        spans.iter().map(edit).collect()
    }

    /// Whether a file lies in the policy's folder or below.
    fn is_own(&self, sources: &Sources, id: FileId) -> bool {
        let path = sources.get(id).and_then(|source| Disk.canonical(Path::new(&source.path)).ok());
        path.is_some_and(|path| path.starts_with(&self.home))
    }

    fn changed(&self, before: &Sources) -> Vec<Changed> {
        let known = (0..).map_while(|id| before.get(FileId(id)));
        let changed = known.filter_map(|source| {
            let path = Disk.canonical(Path::new(&source.path)).ok()?;
            let new = self.texts.get(&path)?;
            Some((path, source.path.clone(), source.text.clone(), new.clone()))
        });
        changed.filter(|(_, _, old, new)| old != new).collect()
    }
}
