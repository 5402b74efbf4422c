//! The matcher as a target: one binary file, the compiled form, for an instance or for the whole policy.
//!
//! The matcher judges the first packets of managed NICs and nothing else. So prelude blocks, which stand around the rules,
//! have no place in its file, and closing unmanaged interfaces is refused.

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::string::ToString;

use palisade_ir::{
    Artifact, ArtifactFile, Backend, Capabilities, EmitError, LiftError, Lifted, Options, Placement, Plan,
    Style, Verdict,
};

use crate::lift::LiftedMatcher;
use crate::matcher::Matcher;

/// The suffix of the file.
pub(crate) const SUFFIX: &str = "palisade";

/// The target `matcher`.
#[derive(Clone, Copy, Debug, Default)]
pub struct MatcherBackend;

impl Backend for MatcherBackend {
    fn name(&self) -> &'static str {
        "matcher"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            host: true,
            gateway: true,
            // Sessions live in the memory of whoever embeds the matcher, in a `SessionTable`, not in the file.
            sessions: false,
            prelude: false,
            log: true,
            // The file holds the words of every rule, uncut.
            comment_bytes: usize::MAX,
            chain_name_bytes: 0,
        }
    }

    fn emit(&self, plan: &Plan, options: &Options) -> Result<Artifact, EmitError> {
        // Prelude blocks stand outside the rules, which are all that the matcher judges.
        let Options { placement, prelude: _, unmanaged, counters, table, chains_only, ipset, layout } =
            options;
        refuse(*unmanaged == Verdict::Deny, "unmanaged")?;
        refuse(*counters, "counters")?;
        refuse(table.is_some(), "table")?;
        refuse(*chains_only, "chains-only")?;
        refuse(*ipset, "ipset")?;
        refuse(*layout != Style::Auto, "layout")?;
        let matcher = match placement {
            Placement::Host(id) => Matcher::for_instance(plan, *id).ok_or_else(|| EmitError {
                code: "palisade::emit::unknown-instance",
                message: format!("the policy has no instance number {}", id.0),
                help: None,
            })?,
            Placement::Gateway => Matcher::new(plan),
        };
        Ok(Artifact { files: vec![ArtifactFile { suffix: SUFFIX, contents: matcher.to_bytes() }] })
    }

    fn lift(&self, artifact: &Artifact) -> Result<Box<dyn Lifted>, LiftError> {
        let error = |message| LiftError { file: SUFFIX, line: 1, message };
        let [file] = artifact.files.as_slice() else {
            return Err(error("the matcher's artifact is one file".to_owned()));
        };
        let ArtifactFile { suffix, contents } = file;
        if *suffix != SUFFIX {
            return Err(error(format!("`{suffix}` is no file of the matcher")));
        }
        let matcher = Matcher::from_bytes(contents).map_err(|cause| error(cause.to_string()))?;
        matcher.validate().map_err(|cause| error(cause.to_string()))?;
        Ok(Box::new(LiftedMatcher::new(matcher)))
    }
}

fn refuse(wanted: bool, option: &str) -> Result<(), EmitError> {
    if !wanted {
        return Ok(());
    }
    Err(EmitError {
        code: "palisade::emit::unsupported-option",
        message: format!("the target `matcher` has no use for the option `{option}`"),
        help: Some(format!("leave `{option}` out, or choose a target that knows it")),
    })
}
