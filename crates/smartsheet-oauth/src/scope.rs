//! What an app may ask a person for.

use std::fmt;
use std::str::FromStr;

macro_rules! scopes {
    ($($variant:ident = $name:literal, $meaning:literal;)*) => {
        /// A permission of Smartsheet's API, under the name it has on the wire (Smartsheet's documentation, "Access
        /// scopes").
        ///
        /// ```
        /// use smartsheet_oauth::Scope;
        /// assert_eq!("READ_SHEETS".parse(), Ok(Scope::ReadSheets));
        /// assert_eq!(Scope::WriteSheets.to_string(), "WRITE_SHEETS");
        /// ```
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Scope {
            $(#[doc = concat!("`", $name, "`: ", $meaning, ".")] $variant,)*
        }

        impl Scope {
            /// Every scope, in alphabetical order.
            pub const ALL: &[Scope] = &[$(Scope::$variant),*];

            /// The name on the wire.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Scope::$variant => $name,)* }
            }

            /// What it allows, in plain words that continue "This app can …".
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Scope::$variant => $meaning,)* }
            }
        }
    };
}

scopes! {
    AdminSheets = "ADMIN_SHEETS", "change the structure of your sheets: columns, settings and publishing";
    AdminSights = "ADMIN_SIGHTS", "change the settings and publishing of your dashboards";
    AdminUsers = "ADMIN_USERS", "add, change and remove the users and groups of your organization";
    AdminWebhooks = "ADMIN_WEBHOOKS", "create, change and delete webhooks that report changes to the app";
    AdminWorkspaces = "ADMIN_WORKSPACES", "create, change, share and delete workspaces and folders";
    CreateSheets = "CREATE_SHEETS", "create new sheets";
    CreateSights = "CREATE_SIGHTS", "create new dashboards";
    DeleteSheets = "DELETE_SHEETS", "delete your sheets";
    DeleteSights = "DELETE_SIGHTS", "delete your dashboards";
    ReadContacts = "READ_CONTACTS", "see your personal contacts";
    ReadEvents = "READ_EVENTS", "see the events of your organization, such as who opened or shared what";
    ReadSheets = "READ_SHEETS", "see your sheets with their rows, comments and attachments";
    ReadSights = "READ_SIGHTS", "see your dashboards";
    ReadUsers = "READ_USERS", "see the users and groups of your organization";
    ShareSheets = "SHARE_SHEETS", "share your sheets with other people";
    ShareSights = "SHARE_SIGHTS", "share your dashboards with other people";
    WriteSheets = "WRITE_SHEETS", "change your sheets: rows, cells, comments and attachments";
}

impl fmt::Display for Scope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// A name that is no scope of Smartsheet's. The text is what was given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no scope of Smartsheet's")]
pub struct UnknownScope(pub String);

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(name: &str) -> Result<Self, UnknownScope> {
        Self::ALL
            .iter()
            .copied()
            .find(|scope| scope.name() == name)
            .ok_or_else(|| UnknownScope(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_read_back_as_its_scope() {
        assert_eq!(Scope::ALL.len(), 17);
        for scope in Scope::ALL {
            assert_eq!(scope.name().parse(), Ok(*scope));
        }
    }

    #[test]
    fn other_names_are_refused() {
        for name in ["", "READ_SHEET", "read_sheets", "READ_SHEETS "] {
            assert_eq!(name.parse::<Scope>(), Err(UnknownScope(name.to_owned())));
        }
    }
}
