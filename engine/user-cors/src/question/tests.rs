//! Histories of questions: single ones told step by step, and generated ones.

mod answering;
mod ending;
mod generated;
mod listing;

use super::*;
use crate::{clock::Timestamp, store::StoreKind};

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);
const TAB: TabId = TabId(1);

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(NOW.as_millis() + millis)
}

fn origin(text: &str) -> TupleOrigin {
    TupleOrigin::parse(text).unwrap()
}

fn request(target: &str) -> TicketRequest {
    let requester = origin("https://app.example");
    TicketRequest {
        tab: TAB,
        document: DocumentId(1),
        top_level_site: requester.site(),
        requester,
        targets: vec![TicketTarget {
            origin: origin(target),
            address: Some("8.8.8.8".parse().unwrap()),
            space: Some(AddressSpace::Public),
        }],
        network: TargetNetwork::Public,
        requester_space: AddressSpace::Public,
        url: Url::parse(&format!("{target}/path?q=1")).unwrap(),
        method: Method::GET,
        method_class: MethodClass::Get,
        initiator: Initiator::Fetch,
        page_headers: HeaderNames::new(),
        unsafe_headers: HeaderNames::new(),
        body: BodySize::None,
        held: None,
        kept: 0,
        egress: Egress::Direct,
        server_said: SilenceReason::Missing,
    }
}

fn with_method(target: &str, method: Method) -> TicketRequest {
    let method_class = MethodClass::from_method(&method).unwrap();
    TicketRequest {
        method,
        method_class,
        body: BodySize::Known(3),
        ..request(target)
    }
}

fn local(target: &str) -> TicketRequest {
    in_local_network(request(target))
}

fn in_local_network(mut request: TicketRequest) -> TicketRequest {
    request.network = TargetNetwork::LocalNetwork;
    for target in &mut request.targets {
        target.space = Some(AddressSpace::Local);
    }
    request
}

fn questions() -> Questions {
    let mut questions = Questions::new(StoreKind::Lasting);
    questions.user_interacted(TAB);
    questions
}

fn ask(
    questions: &mut Questions,
    request: TicketRequest,
    now: Timestamp,
) -> (TicketId, QuestionId) {
    match questions.ask(request, now) {
        AskOutcome::Waiting { ticket, question } => (ticket, question),
        other => panic!("not waiting: {other:?}"),
    }
}

fn view(questions: &Questions) -> QuestionView {
    questions.view(TAB).expect("a question is open")
}

/// Looks at the first question for as long as it takes, and answers it.
fn answer(questions: &mut Questions, choice: Choice, now: Timestamp) -> Answered {
    let shown = view(questions);
    questions.visible(shown.id, shown.revision, now, true);
    questions
        .answer(
            shown.id,
            shown.revision,
            choice,
            now.after(arming::ARMING_TIME),
        )
        .unwrap()
}

fn tickets(settled: &[Settled]) -> Vec<TicketId> {
    settled.iter().map(|settled| settled.ticket).collect()
}
