//! Whatever resolves, emits or is refused, and what is emitted reads back.
#![no_main]

use libfuzzer_sys::fuzz_target;
use palisade::targets::Target;
use palisade_ir::{InstanceId, Options, Placement};

fuzz_target!(|text: &str| {
    let Some(policy) = palisade::front::read_text("policy.sg", text).policy else { return };
    let plan = palisade::optimize::optimize_plan(&palisade::lower::lower(&policy)).0;
    for target in Target::ALL {
        for at in 0..plan.instances.len() {
            let options = Options::at(Placement::Host(InstanceId(at as u32)));
            if let Ok(artifact) = target.backend().emit(&plan, &options) {
                target.backend().lift(&artifact).expect("emitted files read back");
            }
        }
    }
});
