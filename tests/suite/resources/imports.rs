//! Imports and what is wrong with them.

use arrs_proto::admin::v1::{
    GetImportRequest, Import, ImportState, ListImportErrorsRequest, ListImportErrorsResponse,
};
use arrs_tests::cluster::{Cluster, header, service_of, upload};
use kit::Clock;
use kit::client::Channel;
use kit::error::ErrorReason;
use tonic::Code;
use uuid::Uuid;

use super::MANAGER;
use crate::demo_set::{OPERATOR, bring_in, call, denied, errors_of, invalid, metadata, refused};

const GET_IMPORT: [&str; 3] = [
    "/arrs.workforce.v1.ImportService/GetImport",
    "/arrs.finance.v1.ImportService/GetImport",
    "/arrs.supervision.v1.ImportService/GetImport",
];
const LIST_IMPORT_ERRORS: [&str; 3] = [
    "/arrs.workforce.v1.ImportService/ListImportErrors",
    "/arrs.finance.v1.ImportService/ListImportErrors",
    "/arrs.supervision.v1.ImportService/ListImportErrors",
];

/// A file of each service with at least three faults.
const FAULTY: [(&str, &str); 3] = [
    ("lists", "code,date,registered,weighted\nL82006,2025-01-32,x,y\nL82049,2025,1,1\n"),
    (
        "pay",
        "engagement_id,month,salary,employer_ni,employer_pension\n\
         demo-e-001,2025-13,x,1.00,1.00\ndemo-e-002,2025-07,1.000,1.00,1.00\n",
    ),
    (
        "sessions",
        "session_id,person_id,supervisor_id,kind,date,minutes,pcn_code\n\
         s-1,demo-p-001,s,chat,2025-07-01,x,U09081\ns-2,demo-p-001,s,clinical,x,30,U09081\n",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn an_import_and_its_errors_are_shown_to_who_sent_it_and_who_may_read_all() {
    let cluster = Cluster::one().await;
    bring_in(&cluster).await;
    let operator = cluster.channel(&[OPERATOR]);
    let another = |grant: &str| {
        let token = cluster.issuer(Clock::system()).token("another", &[grant.parse().unwrap()], 5);
        cluster.channel_to("gateway", &token)
    };
    let auditor = another("auditor@england");
    let manager = another(MANAGER);

    for (index, (kind, text)) in FAULTY.into_iter().enumerate() {
        let sent = upload(&operator, header(kind, text.as_bytes(), None), text.as_bytes()).await;
        let import = sent.unwrap().into_inner();
        assert_eq!(import.state(), ImportState::Refused, "{kind}");
        assert_eq!(import.file_name, format!("{kind}.csv"));
        let get = async |channel: &Channel, name: &str| {
            let request = GetImportRequest { name: name.to_owned() };
            call::<_, Import>(channel, GET_IMPORT[index], request).await
        };
        let list = async |channel: &Channel, parent: &str, page_size, page_token: &str| {
            let request = ListImportErrorsRequest {
                parent: parent.to_owned(),
                page_size,
                page_token: page_token.to_owned(),
            };
            let path = LIST_IMPORT_ERRORS[index];
            call::<_, ListImportErrorsResponse>(channel, path, request).await
        };

        for channel in [&operator, &auditor] {
            assert_eq!(get(channel, &import.name).await.unwrap().get_ref(), &import);
        }
        let unknown = format!("imports/{}", Uuid::now_v7());
        let hidden = denied(get(&manager, &import.name).await);
        let absent = denied(get(&manager, &unknown).await);
        assert_eq!(hidden.message().replace(&import.name, &unknown), absent.message());
        denied(get(&operator, &unknown).await);
        denied(list(&manager, &import.name, 0, "").await);
        denied(list(&operator, &unknown, 0, "").await);
        invalid(get(&operator, "imports/7").await, &["name"]);
        invalid(list(&operator, "imports/7", 0, "").await, &["parent"]);
        invalid(list(&operator, &import.name, -1, "").await, &["page_size"]);

        let all = errors_of(&operator, service_of(kind), &import.name).await;
        assert!(all.len() >= 3, "{kind}: {all:?}");
        assert!(all.is_sorted_by_key(|error| error.line), "{kind}: {all:?}");
        for size in [0, 1_000, 1_001] {
            let page = list(&auditor, &import.name, size, "").await.unwrap().into_inner();
            assert_eq!((page.errors.as_slice(), page.next_page_token.as_str()), (&all[..], ""));
        }
        let (mut walked, mut token) = (Vec::new(), String::new());
        loop {
            let page = list(&operator, &import.name, 1, &token).await.unwrap().into_inner();
            assert_eq!(page.errors.len(), 1);
            walked.extend(page.errors);
            if page.next_page_token.is_empty() {
                break;
            }
            token = page.next_page_token;
        }
        assert_eq!(walked, all);
        let again = upload(&operator, header(kind, text.as_bytes(), None), text.as_bytes()).await;
        let second = again.unwrap().into_inner();
        for (channel, parent, token) in [
            (&operator, &second.name, token.as_str()),
            (&auditor, &import.name, token.as_str()),
            (&operator, &import.name, "nonsense"),
        ] {
            let answer = list(channel, parent, 1, token).await;
            refused(answer, Code::InvalidArgument, ErrorReason::PageTokenInvalid);
        }
        // An import is known to the service that took it, and to no other.
        let elsewhere = GET_IMPORT[(index + 1) % 3];
        let request = GetImportRequest { name: import.name.clone() };
        denied(call::<_, Import>(&operator, elsewhere, request).await);
        let viewer = list(&cluster.channel(&["pcn-viewer@pcn:U09081"]), &import.name, 0, "").await;
        let permission = metadata(&denied(viewer), "permission");
        assert_eq!(permission, Some(format!("{}.imports.read", service_of(kind))));
    }
}
