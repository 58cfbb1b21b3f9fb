//! Organisations of the health service and how they belong together.

use std::fmt;
use std::str::FromStr;

use crate::ParseError;

/// An organisation's code in the Organisation Data Service, as printed: `U00070`, `QHM`, `8HX12`.
///
/// Codes are never used again, so the code is the identifier. Ordered by bytes.
// Invariant: 1 to 12 of `[A-Z0-9]`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OdsCode(String);

impl OdsCode {
    /// The code as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for OdsCode {
    type Err = ParseError;
    fn from_str(text: &str) -> Result<OdsCode, ParseError> {
        let plain = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
        if (1..=12).contains(&text.len()) && text.bytes().all(plain) {
            Ok(OdsCode(text.to_owned()))
        } else {
            Err(ParseError::new("must be an ODS code: 1 to 12 capital letters and digits"))
        }
    }
}

impl fmt::Display for OdsCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// An enum of words, each with the text that files, tables and logs have for it.
#[macro_export]
macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $expected:literal, { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
        }

        impl $name {
            /// Every value, in the order of declaration.
            pub const ALL: &'static [$name] = &[$($name::$variant,)+];

            /// The word used in files, tables and logs.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $($name::$variant => $text,)+
                }
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::ParseError;
            fn from_str(text: &str) -> Result<$name, $crate::ParseError> {
                match text {
                    $($text => Ok($name::$variant),)+
                    _ => Err($crate::ParseError { expected: $expected }),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}
pub(crate) use words;

words! {
    /// What an organisation is.
    OrganisationKind,
    "must be region, icb, sub-icb, pcn, practice, federation, trust or other",
    {
        /// A region of NHS England.
        Region = "region",
        /// An integrated care board.
        Icb = "icb",
        /// The place below an ICB whose code survives mergers of ICBs.
        SubIcb = "sub-icb",
        /// A primary care network.
        Pcn = "pcn",
        /// A general practice.
        Practice = "practice",
        /// A federation of practices that employs on behalf of PCNs.
        Federation = "federation",
        /// An NHS trust.
        Trust = "trust",
        /// Any other employer: a charity, a provider company.
        Other = "other",
    }
}

words! {
    /// How one organisation belongs to another.
    Relation,
    "must be part-of or served-by",
    {
        /// It is part of the other: practice of PCN, PCN of sub-ICB, sub-ICB of ICB, ICB of region.
        PartOf = "part-of",
        /// The other, a federation, serves it.
        ServedBy = "served-by",
    }
}

words! {
    /// Where a PCN lies for the London weighting of the maxima. Absent means unknown, never outside.
    LondonArea,
    "must be outside, outer or inner",
    {
        /// Outside London, the fringe included.
        Outside = "outside",
        /// Outer London.
        Outer = "outer",
        /// Inner London.
        Inner = "inner",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_capitals_and_digits() {
        assert!("U00070".parse::<OdsCode>().is_ok());
        for text in ["", "u00070", "U 0070", "U00070U00070X", "Ü00070"] {
            assert!(text.parse::<OdsCode>().is_err(), "{text}");
        }
    }

    #[test]
    fn words_read_back() {
        for kind in OrganisationKind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(*kind));
        }
        assert!("PCN".parse::<OrganisationKind>().is_err());
    }
}
