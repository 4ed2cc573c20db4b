//! Permissions as a file: export, import, merge.

use super::*;

#[test]
fn permissions_move_from_one_profile_to_another() {
    let (_folder, user_cors) = lasting();
    let (allowed, denied) = (failure("https://b.example/"), failure("https://c.example/"));
    allow(&user_cors, &allowed, Choice::AlwaysAllow, NOW);
    ask(&user_cors, &denied, NOW);
    let _ = answer(&user_cors, Choice::Never, NOW);
    let text = user_cors
        .export_permissions(NOW)
        .expect("exported")
        .to_json();
    let text = text.replacen("\"methods\"", "\"note\": \"mine\", \"methods\"", 1);
    let file = PermissionsFile::parse(&text).expect(&text);

    let (folder, other) = lasting();
    let refused_there = failure("https://c.example/");
    allow(&other, &refused_there, Choice::AlwaysAllow, NOW);
    let preview = other.preview_import(&file, NOW);
    assert_eq!((preview.revoked, preview.left_out), (1, 0));
    let [grant] = &preview.grants[..] else {
        panic!("{preview:?}");
    };
    assert_eq!(grant.coverage.key.target, origin("https://b.example"));
    assert_eq!(preview.denials.len(), 1);
    assert_eq!((other.grants(NOW).len(), other.denials().len()), (1, 0));
    let (imported, settled) = other.import_permissions(&file, NOW).expect("imported");
    assert_eq!(
        (imported.grants, imported.denials, imported.left_out),
        (1, 1, 0)
    );
    assert!(settled.is_empty());
    assert_eq!(other.preview_import(&file, NOW).left_out, 2);
    let (again, _) = other.import_permissions(&file, NOW).expect("imported");
    assert_eq!((again.grants, again.denials, again.left_out), (0, 0, 2));
    drop(other);
    let other = open(&folder);
    assert!(is_granted(&other.consider(&allowed, NOW)));
    assert!(is_question(&other.consider(&allowed, NOW.after(DAY * 31))));
    assert_eq!(refusal(other.consider(&denied, NOW)), Refusal::Denied);
    let exported = other.export_permissions(NOW).expect("exported").to_json();
    assert!(exported.contains("mine"), "{exported}");
}

#[test]
fn an_import_gives_no_more_than_a_click_and_takes_no_denial_back() {
    let (_folder, user_cors) = lasting();
    let failure = failure("https://b.example/");
    let forged = |created: i64| {
        let text = format!(
            r#"{{"version": 1, "denials": [], "grants": [{{"topLevelSite": "https://app.example",
                "requester": "https://app.example", "target": "https://b.example", "methods": ["GET"],
                "headers": [], "created": {created}, "lastUsed": {}}}]}}"#,
            i64::MAX
        );
        PermissionsFile::parse(&text).expect(&text)
    };
    let _ = user_cors.import_permissions(&forged(i64::MAX), NOW);
    assert!(is_granted(
        &user_cors.consider(&failure, NOW.after(DAY * 29))
    ));
    assert!(is_question(
        &user_cors.consider(&failure, NOW.after(DAY * 31))
    ));
    user_cors.revoke_all().expect("written");
    let (ended, _) = user_cors
        .import_permissions(&forged(0), NOW)
        .expect("imported");
    assert_eq!((ended.grants, ended.left_out), (0, 1));

    ask(&user_cors, &failure, NOW);
    let _ = answer(&user_cors, Choice::Never, NOW);
    let (kept, _) = user_cors
        .import_permissions(&forged(i64::MAX), NOW)
        .expect("imported");
    assert_eq!((kept.grants, kept.left_out), (0, 1));
    assert_eq!(refusal(user_cors.consider(&failure, NOW)), Refusal::Denied);
}

#[test]
fn imported_denials_end_grants_and_questions() {
    let user_cors = user_cors();
    let failure = failure("https://b.example/");
    let grant_use = allow(&user_cors, &failure, Choice::AllowForVisit, NOW);
    let ticket = ask(
        &user_cors,
        &with_method("https://b.example/", Method::POST),
        NOW,
    );
    let file = PermissionsFile::parse(
        r#"{"version": 1, "grants": [], "denials": [{"topLevelSite": "https://app.example",
            "requester": "https://app.example", "target": "https://b.example", "created": 0}]}"#,
    )
    .expect("a file");
    let (_, settled) = user_cors.import_permissions(&file, NOW).expect("imported");
    let declined = Settlement {
        ticket,
        verdict: Verdict::Declined(DeclineReason::Never),
    };
    assert_eq!(settled, [declined]);
    assert_eq!(
        user_cors.still_granted(&grant_use, TAB, NOW),
        Err(Refusal::Denied)
    );
}

#[test]
fn a_file_brings_a_pair_no_more_permissions_than_can_be_looked_at() {
    let (_folder, user_cors) = lasting();
    let grants: Vec<String> = (0..1000)
        .map(|number| {
            format!(
                r#"{{"topLevelSite": "https://app.example", "requester": "https://app.example",
                    "target": "https://b.example", "methods": ["GET"], "headers": ["x-{number}"],
                    "created": {now}, "lastUsed": {now}}}"#,
                now = NOW.as_millis()
            )
        })
        .collect();
    let text = format!(
        r#"{{"version": 1, "grants": [{}], "denials": []}}"#,
        grants.join(",")
    );
    let file = PermissionsFile::parse(&text).expect("a file");
    let preview = user_cors.preview_import(&file, NOW);
    assert_eq!((preview.grants.len(), preview.left_out), (128, 872));
    for added in [128, 0] {
        let (imported, _) = user_cors.import_permissions(&file, NOW).expect("imported");
        assert_eq!((imported.grants, imported.left_out), (added, 1000 - added));
    }
}
