//! Smartsheet's API for pages and back ends of sites: what may be called, how often, and the call itself, with the person's token.

mod allow_list;
mod calls;
mod headers;
mod rate;

pub use allow_list::{AllowList, Found, Route};
pub use calls::{ApiCalls, CallError};
pub use headers::passed_on;
pub use rate::PersonRate;
