//! The roles of the scheme in the mix of the June 2026 publication.

/// A role, how often it occurs and how it looks in a staff file and in the publication.
pub(super) struct Role {
    /// The canonical code.
    pub(super) code: &'static str,
    /// Tenths of an FTE in June 2026: the weight of the role.
    pub(super) weight: usize,
    /// How many of a thousand of them are contracted services.
    pub(super) contracted: usize,
    /// The first day on which it could be claimed.
    pub(super) first: &'static str,
    /// Bands that occur, with a weight each.
    pub(super) bands: &'static [(usize, &'static str)],
    /// The body that registers, if any does.
    pub(super) body: &'static str,
    /// Supervision at least once a month is asked for.
    pub(super) monthly: bool,
    /// Paths in the publication, with a weight each.
    pub(super) leaves: &'static [(usize, Leaf)],
}

/// Staff group, staff role and detailed staff role.
pub(super) type Leaf = (&'static str, &'static str, &'static str);

const CARE: &str = "Other Direct Patient Care staff";
const NURSES: &str = "Other Nurses";
const ADMIN: &str = "Other Admin/Non-clinical staff";

const WELLBEING: &str = "Mental Health and Wellbeing Practitioners (Mental Health Practitioners)";
const LINK_WORKERS: &str = "Social Prescribing Link Workers (Mental Health Practitioners)";

/// All roles with a leaf of their own that can be claimed.
pub(super) const ROLES: &[Role] = &[
    Role {
        code: "CP",
        weight: 57_251,
        contracted: 210,
        first: "2020-04-01",
        bands: &[(7, "7"), (3, "8a")],
        body: "GPhC",
        monthly: true,
        leaves: &[(1, (CARE, "Pharmacists", "Pharmacist"))],
    },
    Role {
        code: "CC",
        weight: 50_555,
        contracted: 102,
        first: "2020-04-01",
        bands: &[(1, "4")],
        body: "",
        monthly: false,
        leaves: &[(1, (CARE, "Care Coordinators", "Care Coordinator"))],
    },
    Role {
        code: "SPLW",
        weight: 26_424,
        contracted: 268,
        first: "2020-04-01",
        bands: &[(2, "4"), (8, "5")],
        body: "",
        monthly: true,
        leaves: &[(1, (CARE, "Social Prescribing Link Workers", "Social Prescribing Link Worker"))],
    },
    Role {
        code: "PT",
        weight: 21_793,
        contracted: 105,
        first: "2020-04-01",
        bands: &[(1, "5")],
        body: "GPhC",
        monthly: true,
        leaves: &[(1, (CARE, "Pharmacy Technicians", "Pharmacy Technician"))],
    },
    Role {
        code: "FCP",
        weight: 16_752,
        contracted: 601,
        first: "2020-04-01",
        bands: &[(6, "7"), (4, "8a")],
        body: "HCPC",
        monthly: false,
        leaves: &[(1, (CARE, "Physiotherapists", "Physiotherapist"))],
    },
    Role {
        code: "GPA",
        weight: 16_034,
        contracted: 98,
        first: "2022-10-01",
        bands: &[(1, "4")],
        body: "",
        monthly: false,
        leaves: &[(1, (CARE, "General Practice Assistants", "General Practice Assistant"))],
    },
    Role {
        code: "AP",
        weight: 14_856,
        contracted: 73,
        first: "2023-04-01",
        bands: &[(1, "8a")],
        body: "NMC",
        monthly: true,
        leaves: &[
            (982, (NURSES, "Advanced Nurse Practitioners", "Advanced Nurse Practitioner")),
            (511, (CARE, "Advanced Pharmacist Practitioners", "Advanced Pharmacist Practitioner")),
            (280, (CARE, "Advanced Paramedic Practitioners", "Advanced Paramedic Practitioner")),
        ],
    },
    Role {
        code: "PARA",
        weight: 12_328,
        contracted: 99,
        first: "2021-04-01",
        bands: &[(1, "7")],
        body: "HCPC",
        monthly: false,
        leaves: &[(1, (CARE, "Paramedics", "Paramedic"))],
    },
    Role {
        code: "GP",
        weight: 11_083,
        contracted: 91,
        first: "2024-10-01",
        bands: &[(1, "")],
        body: "GMC",
        monthly: false,
        leaves: &[(1, ("Other GPs", "Salaried GPs", "Salaried By PCN"))],
    },
    Role {
        code: "PA",
        weight: 9_760,
        contracted: 69,
        first: "2020-04-01",
        bands: &[(1, "7")],
        body: "GMC",
        monthly: false,
        leaves: &[(1, (CARE, "Physician Associates", "Physician Associate"))],
    },
    Role {
        code: "HWBC",
        weight: 9_658,
        contracted: 224,
        first: "2020-04-01",
        bands: &[(2, "4"), (8, "5")],
        body: "",
        monthly: false,
        leaves: &[(1, (CARE, "Health and Wellbeing Coaches", "Health and Wellbeing Coach"))],
    },
    Role {
        code: "NA",
        weight: 5_943,
        contracted: 55,
        first: "2020-10-01",
        bands: &[(1, "4")],
        body: "NMC",
        monthly: false,
        leaves: &[(1, (CARE, "Nursing Associates", "Nursing Associate"))],
    },
    Role {
        code: "MHP_ADULT",
        weight: 5_918,
        contracted: 563,
        first: "2021-04-01",
        bands: &[(2, "5"), (4, "6"), (3, "7"), (1, "8a")],
        body: "NMC",
        monthly: true,
        leaves: &[
            (
                483,
                (
                    CARE,
                    WELLBEING,
                    "Mental Health and Wellbeing Practitioner (Mental Health Practitioner - Adult)",
                ),
            ),
            (
                108,
                (
                    CARE,
                    LINK_WORKERS,
                    "Social Prescribing Link Worker (Mental Health Practitioner - Adult)",
                ),
            ),
            (
                12,
                (
                    CARE,
                    "Therapists (Mental Health Practitioners)",
                    "Therapist- Occupational Therapist (Mental Health Practitioner - Adult)",
                ),
            ),
        ],
    },
    Role {
        code: "DTL",
        weight: 3_965,
        contracted: 0,
        first: "2022-10-01",
        bands: &[(1, "8a")],
        body: "",
        monthly: false,
        leaves: &[(
            1,
            (ADMIN, "Digital and Transformation Leads", "Digital and Transformation Lead"),
        )],
    },
    Role {
        code: "SNA",
        weight: 3_131,
        contracted: 50,
        first: "2020-10-01",
        bands: &[(1, "3")],
        body: "",
        monthly: false,
        leaves: &[(1, (CARE, "Trainee Nursing Associates", "Trainee Nursing Associate"))],
    },
    Role {
        code: "EPN",
        weight: 1_495,
        contracted: 108,
        first: "2024-04-01",
        bands: &[(1, "7")],
        body: "NMC",
        monthly: false,
        leaves: &[(1, (NURSES, "Enhanced Practice Nurses", "Enhanced Practice Nurse"))],
    },
    Role {
        code: "OT",
        weight: 1_352,
        contracted: 207,
        first: "2020-04-01",
        bands: &[(1, "7")],
        body: "HCPC",
        monthly: false,
        leaves: &[(1, (CARE, "Therapists", "Therapist- Occupational Therapist"))],
    },
    Role {
        code: "DIET",
        weight: 1_130,
        contracted: 385,
        first: "2020-04-01",
        bands: &[(1, "7")],
        body: "HCPC",
        monthly: false,
        leaves: &[(1, (CARE, "Dieticians", "Dietician"))],
    },
    Role {
        code: "HCSW",
        weight: 769,
        contracted: 170,
        first: "2025-04-01",
        bands: &[(1, "3")],
        body: "",
        monthly: false,
        leaves: &[(1, (CARE, "Healthcare Support Workers", "Healthcare Support Worker"))],
    },
    Role {
        code: "MHP_CYP",
        weight: 636,
        contracted: 579,
        first: "2021-04-01",
        bands: &[(3, "6"), (2, "7")],
        body: "NMC",
        monthly: true,
        leaves: &[(
            1,
            (
                CARE,
                WELLBEING,
                "Mental Health and Wellbeing Practitioner (Mental Health Practitioner - Children \
                 and Young People)",
            ),
        )],
    },
    Role {
        code: "POD",
        weight: 381,
        contracted: 247,
        first: "2020-04-01",
        bands: &[(1, "7")],
        body: "HCPC",
        monthly: false,
        leaves: &[(1, (CARE, "Podiatrists", "Podiatrist"))],
    },
    Role {
        code: "PA_APP",
        weight: 46,
        contracted: 0,
        first: "2023-04-01",
        bands: &[(1, "5")],
        body: "",
        monthly: false,
        leaves: &[(1, (CARE, "Apprentices", "Apprentice - Physician Associate"))],
    },
];

/// Staff of PCNs whom the scheme does not pay, or only if the commissioner agrees: tenths of rows
/// for ten PCNs, hundredths of an FTE each, and the path.
pub(super) const OTHERS: &[(usize, usize, Leaf)] = &[
    // The dash is the publisher's.
    (8, 29, ("Directors", "Medical Clinical Director (GP)", "Clinical Director – Medical")),
    (15, 75, (ADMIN, "Other Admin/Non-clinical", "Other")),
    (5, 68, (ADMIN, "Managers", "Manager")),
    (4, 81, (CARE, "Other Direct Patient Care", "Other")),
    (3, 77, (NURSES, "Other Nurses", "Other")),
    (3, 73, (ADMIN, "Receptionists", "Receptionist")),
    (2, 78, (NURSES, "Nurse Specialists", "Nurse Specialist")),
];
