//! The hosts of a URL, as libpq reads them.

use std::net::Ipv6Addr;

use super::address_error::AddressError;

/// The hosts with their ports: those of the parameters, if they name any, and otherwise those of the URL's middle part.
pub(super) fn servers(
    middle: &str,
    named: &[String],
    ports: &[String],
) -> Result<Vec<(String, Option<u16>)>, AddressError> {
    let mut all = Vec::new();
    if named.is_empty() {
        for text in middle.split(',') {
            let (host, port) = host_and_port(text)?;
            all.push((host, port.map(read_port).transpose()?));
        }
    } else {
        all.extend(named.iter().map(|host| (host.clone(), None)));
    }
    if all.iter().any(|(host, _)| host.is_empty()) {
        return Err(AddressError("a host is missing".to_owned()));
    }
    if !ports.is_empty() && ports.len() != 1 && ports.len() != all.len() {
        return Err(AddressError(
            "its parameter port must be one port, or as many as hosts".to_owned(),
        ));
    }
    for (index, (_, port)) in all.iter_mut().enumerate() {
        if let Some(text) = ports.get(if ports.len() == 1 { 0 } else { index }) {
            *port = Some(read_port(text)?);
        }
    }
    Ok(all)
}

/// A host as it is called, without the brackets of an IPv6 address and with a socket's folder decoded, and the text of its port.
fn host_and_port(text: &str) -> Result<(String, Option<&str>), AddressError> {
    let (host, rest) = match text.strip_prefix('[') {
        Some(inside) => {
            let (host, rest) = inside
                .split_once(']')
                .ok_or_else(AddressError::unreadable)?;
            host.parse::<Ipv6Addr>()
                .map_err(|_| AddressError::unreadable())?;
            (host, rest)
        }
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    let port = match rest.strip_prefix(':') {
        Some("") => None,
        Some(port) => Some(port),
        None if rest.is_empty() => None,
        None => return Err(AddressError::unreadable()),
    };
    Ok((host.replace("%2F", "/").replace("%2f", "/"), port))
}

fn read_port(text: &str) -> Result<u16, AddressError> {
    match text.parse() {
        Ok(port @ 1..) => Ok(port),
        _ => Err(AddressError(
            "a port must be a number from 1 to 65535".to_owned(),
        )),
    }
}
