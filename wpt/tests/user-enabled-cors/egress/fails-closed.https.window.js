// META: title=User-enabled CORS: an egress that cannot be reached
// META: timeout=long
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/user-enabled-cors/resources/user.js

// An egress that is named and not there: every anonymous request fails, and none goes out directly.
const TARGET = ANSWERS.once;
const EGRESSES = ["http://proxy.example:3128", "socks5://proxy.example:1080"];
const isAnonymous = (record) => headerOf(record, "sec-user-enabled-cors") !== null;
const REQUESTS = [
  ["GET", {}],
  ["HEAD", { method: "HEAD" }],
  ["POST", { method: "POST", body: "x" }],
  ["PUT", { method: "PUT", body: "x" }],
  ["a header field", { headers: { "X-Custom": "1" } }],
];

for (const egress of EGRESSES) {
  for (const [title, init] of REQUESTS) {
    for (const answer of ["once", "visit", "always"]) {
      answered_test(answer, async (t) => {
        await user.policy({ Egress: egress });
        const token = newToken();
        await rejects(t, fetch(respond(TARGET, { token }), init));
        assert_false((await seen(token)).some(isAnonymous), "nothing goes out directly");
        assert_array_equals(await user.ledger(), []);
      }, `Down: ${egress}, ${title}, answered ${answer}`);
    }

    answered_test("visit", async (t) => {
      await fetch(respond(TARGET), init);
      await user.policy({ Egress: egress });
      const token = newToken();
      await rejects(t, fetch(respond(TARGET, { token }), init));
      assert_false((await seen(token)).some(isAnonymous));
      await user.policy({ Egress: "direct" });
      await fetch(respond(TARGET), init);
    }, `What was allowed before: ${egress}, ${title}`);
  }

  user_test(async (t) => {
    const token = newToken();
    const promise = rejects(t, fetch(respond(TARGET, { token })));
    await user.question(t);
    await user.policy({ Egress: egress });
    if ((await user.questions()).length > 0) {
      await user.decide(t, "once");
    }
    await promise;
    assert_equals((await seen(token)).length, 1, "it was held from a direct exchange");
  }, `While the user thinks: ${egress}`);

  answered_test("visit", async (t) => {
    await user.policy({ Egress: egress });
    const token = newToken();
    await rejects(t, fetch(redirect(TARGET, respond(ONCE_TOO, { token }))));
    assert_false((await seen(token)).some(isAnonymous));
  }, `A chain of redirects: ${egress}`);

  for (const target of [LOCAL, "https://127.0.0.1:1024", "https://[::1]:1024", "https://intranet", "https://printer.local"]) {
    answered_test("visit", async (t) => {
      await user.policy({ Egress: egress });
      await rejects(t, fetch(respond(target)));
      assert_array_equals(await user.ledger(), []);
    }, `What is not public by its name or address is not sent there either: ${egress}, ${target === LOCAL ? "a private port" : target}`);
  }

  answered_test("visit", async () => {
    await user.policy({ Egress: egress });
    const token = newToken();
    const response = await fetch(respond(TARGET, { token, header: ALLOW_ALL, body: "text" }));
    assert_equals(await response.text(), "text");
    const own = await fetch(respond(TEST_ORIGIN, { body: "own" }));
    assert_equals(await own.text(), "own");
    const opaque = await fetch(respond(TARGET, { token }), { mode: "no-cors" });
    assert_equals(opaque.type, "opaque");
    assert_equals((await seen(token)).length, 2);
  }, `What needs no user goes as ever: ${egress}`);
}

for (const [title, egress] of [
  ["an unknown scheme", "ftp://proxy.example:21"],
  ["no host", "socks5://"],
  ["a path", "http://proxy.example:3128/path"],
  ["credentials", "http://user:secret@proxy.example:3128"],
  ["a word", "proxy"],
  ["nothing", ""],
]) {
  answered_test("visit", async (t) => {
    await user.policy({ Egress: egress });
    await rejects(t, fetch(respond(TARGET)));
    await user.policy({ Egress: "direct" });
    await fetch(respond(TARGET));
  }, `What is no egress switches the feature off: ${title}`);
}

answered_test("visit", async () => {
  await user.policy({ Egress: "direct" });
  const token = newToken();
  await fetch(respond(TARGET, { token }), { method: "PUT" });
  assert_equals((await seen(token)).filter(isAnonymous).length, 1);
}, "Direct is direct");
