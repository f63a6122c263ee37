//! A fault that a person asks for at their own sign-in: it travels with the code, so that nobody else meets it.

use super::{
    faults::{Fault, Order},
    grants::Digest,
    params::Params,
    shared::Shared,
    way_back::Refused,
};

/// The parameter that names the fault.
pub(super) const FAULT: &str = "sandbox_fault";
/// The parameter that says how many milliseconds the answer waits.
pub(super) const DELAY: &str = "sandbox_delay_ms";

/// What `sandbox_fault` can be: what can happen to a request that exchanges a code.
const FAULTS: [(&str, Kind); 12] = [
    ("rate_limit", Kind::Ordered(Fault::RateLimit)),
    ("maintenance", Kind::Ordered(Fault::Maintenance)),
    ("server_error", Kind::Ordered(Fault::ServerError)),
    ("timeout", Kind::Ordered(Fault::Timeout)),
    ("please_retry", Kind::Ordered(Fault::PleaseRetry)),
    ("unavailable_html", Kind::Ordered(Fault::UnavailableHtml)),
    ("malformed", Kind::Ordered(Fault::Malformed)),
    ("reset", Kind::Ordered(Fault::Reset)),
    ("lost_answer", Kind::Ordered(Fault::LostAnswer)),
    ("slow", Kind::Ordered(Fault::Slow)),
    ("wrong_secret", Kind::Ordered(Fault::WrongSecret)),
    ("expired_code", Kind::ExpiredCode),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The request that presents the code meets this fault, once.
    Ordered(Fault),
    /// The code has expired when it is issued.
    ExpiredCode,
}

/// The fault of one sign-in.
#[derive(Clone, Copy)]
pub(super) struct Arranged {
    pub(super) name: &'static str,
    kind: Kind,
    delay_ms: u32,
}

impl Arranged {
    /// The fault that the request asks for, if it asks for one.
    pub(super) fn read(params: &Params) -> Result<Option<Self>, Refused> {
        let delay = params.get(DELAY)?;
        let Some(asked) = params.get(FAULT)? else {
            return match delay {
                None => Ok(None),
                Some(_) => Err(refused(&format!("{DELAY} goes with a {FAULT}."))),
            };
        };
        let Some((name, kind)) = FAULTS.into_iter().find(|(name, _)| *name == asked) else {
            let known = FAULTS.map(|(name, _)| name).join(", ");
            return Err(refused(&format!("{FAULT} must be one of: {known}.")));
        };
        let delay_ms = delay
            .map_or(Ok(0), str::parse)
            .map_err(|_| refused(&format!("{DELAY} must be a whole number of milliseconds.")))?;
        let arranged = Self {
            name,
            kind,
            delay_ms,
        };
        // The limits of an order are those of the control endpoint.
        match arranged.order(Digest::of("")).map(|order| order.check()) {
            Some(Err(why)) => Err(refused(&format!("That is not possible: {why}."))),
            _ => Ok(Some(arranged)),
        }
    }

    /// Whether the code has to be one that has expired.
    pub(super) fn expires_code(self) -> bool {
        self.kind == Kind::ExpiredCode
    }

    /// Lets the token request that presents the code meet the fault.
    pub(super) fn bind(self, sandbox: &Shared, code: Digest) -> Result<(), Refused> {
        match self.order(code).map(|order| sandbox.faults.order(order)) {
            Some(Err(why)) => Err(refused(&format!("That is not possible now: {why}."))),
            _ => Ok(()),
        }
    }

    fn order(self, code: Digest) -> Option<Order> {
        match self.kind {
            Kind::Ordered(fault) => Some(Order::for_code(code, fault, self.delay_ms)),
            // The endpoint finds out by itself that the code has expired; all there is to order is the wait.
            Kind::ExpiredCode if self.delay_ms == 0 => None,
            Kind::ExpiredCode => Some(Order::for_code(code, Fault::Slow, self.delay_ms)),
        }
    }
}

fn refused(text: &str) -> Refused {
    Refused::page("This fault can't be arranged", text)
}
