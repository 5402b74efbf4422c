//! How much work an exact analysis may do before it gives up.

/// Steps that are left to an exact analysis. A step is about one comparison of two boxes, some ten nanoseconds: a
/// count and no clock, so the same input always ends the same way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    steps: u64,
}

/// The budget ran out: the question stays open, and nobody may take it for a yes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not proved: the step budget of the exact analysis is spent")]
pub struct BudgetExceeded;

impl Budget {
    /// A budget of so many steps.
    pub const fn new(steps: u64) -> Self {
        Self { steps }
    }

    /// The steps that are left.
    pub const fn left(&self) -> u64 {
        self.steps
    }

    /// Takes steps away; when they are not there, nothing is left.
    pub fn spend(&mut self, steps: usize) -> Result<(), BudgetExceeded> {
        match self.steps.checked_sub(steps as u64) {
            Some(left) => {
                self.steps = left;
                Ok(())
            }
            None => {
                self.steps = 0;
                Err(BudgetExceeded)
            }
        }
    }

    /// Asks a question that may spend at most so many of the steps, so that one hard question leaves some for others.
    pub fn share<T>(&mut self, most: u64, ask: impl FnOnce(&mut Self) -> T) -> T {
        let mut share = Self::new(self.steps.min(most));
        let given = share.steps;
        let answer = ask(&mut share);
        self.steps -= given - share.steps;
        answer
    }
}

/// Some seconds of work at most.
impl Default for Budget {
    fn default() -> Self {
        Self::new(200_000_000)
    }
}
