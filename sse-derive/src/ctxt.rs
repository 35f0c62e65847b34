//! Collects the errors of one input, so that all of them are reported in one compile.

use std::cell::{Cell, RefCell};
use std::fmt::Display;

use quote::ToTokens;
use syn::Error;

/// The errors so far. It must be consumed by [`Ctxt::check`].
#[derive(Default)]
pub(crate) struct Ctxt {
    errors: RefCell<Vec<Error>>,
    checked: Cell<bool>,
}

impl Ctxt {
    /// Reports `message` on `tokens`.
    pub(crate) fn error(&self, tokens: impl ToTokens, message: impl Display) {
        self.push(Error::new_spanned(tokens, message));
    }

    pub(crate) fn push(&self, error: Error) {
        self.errors.borrow_mut().push(error);
    }

    pub(crate) fn has_errors(&self) -> bool {
        !self.errors.borrow().is_empty()
    }

    /// All errors as one.
    pub(crate) fn check(self) -> Result<(), Error> {
        self.checked.set(true);
        let combined = self.errors.take().into_iter().reduce(|mut all, error| {
            all.combine(error);
            all
        });
        combined.map_or(Ok(()), Err)
    }
}

impl Drop for Ctxt {
    fn drop(&mut self) {
        debug_assert!(
            self.checked.get() || std::thread::panicking(),
            "errors were collected and not looked at"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_is_reported() {
        let ctxt = Ctxt::default();
        assert!(!ctxt.has_errors());
        ctxt.error(quote::quote!(a), "first");
        ctxt.error(quote::quote!(b), "second");
        assert!(ctxt.has_errors());
        let errors: Vec<_> = ctxt.check().unwrap_err().into_iter().map(|e| e.to_string()).collect();
        assert_eq!(errors, ["first", "second"]);
    }

    #[test]
    #[cfg(debug_assertions)]
    #[should_panic(expected = "not looked at")]
    fn errors_cannot_be_forgotten() {
        drop(Ctxt::default());
    }
}
