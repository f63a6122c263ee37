//! Clients, proxies and upstream servers that mean harm or are broken: slow ones, many, such as send what is no HTTP, or lie
//! about who they are. The right status, bounded memory, and other users who notice nothing.

#![allow(
    clippy::disallowed_methods,
    reason = "the clocks that tests move begin at the system's"
)]

mod calls;
mod connections;
mod flood;
mod identity;
mod malformed;
mod shares;
mod slow;
mod stopping;
mod support;
mod too_long;
mod upstream;
