// META: title=User-enabled CORS: chains of redirects
// META: timeout=long
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/user-enabled-cors/resources/user.js

const [B, C] = [ANSWERS.once, ONCE_TOO];
const APEX = ANSWERS.notNow;
const WWW = APEX.replace("//", "//www.");
const CHAINS = [
  ["B to C", () => redirect(B, respond(C, { body: "end" })), [B, C]],
  ["B to B", () => redirect(B, respond(B, { body: "end" })), [B]],
  ["B to C to B", () => redirect(B, redirect(C, respond(B, { body: "end" }))), [B, C]],
  ["a domain to its www", () => redirect(APEX, respond(WWW, { body: "end" }), { status: 301 }), [APEX, WWW]],
  ["the page's own server to B", () => redirect(TEST_ORIGIN, respond(B, { body: "end" })), [B]],
  ["B to the page's own server, which allows it", () => redirect(B, respond(TEST_ORIGIN, { body: "end", header: ALLOW_ALL })), [B]],
  ["B to C, which allows it", () => redirect(B, respond(C, { body: "end", header: ALLOW_ALL })), [B]],
];

for (const [title, url, hosts] of CHAINS) {
  user_test(async (t) => {
    const promise = fetch(url());
    const question = await user.decide(t, "once");
    assert_array_equals([...question.hosts].sort(), [...hosts].sort(), "who is silent is asked about");
    assert_equals(await (await promise).text(), "end");
    await user.assertNotAsked();
  }, `One question: ${title}`);

  user_test(async (t) => {
    const promise = fetch(url());
    await user.decide(t, "not-now");
    await rejects(t, promise);
  }, `Declined: ${title}`);

  user_test(async (t) => {
    await user.fetch(t, "visit", url());
    assert_equals(await user.assertRead(url()), "end");
  }, `Allowed before: ${title}`);

  user_test(async (t) => {
    await rejects(t, user.fetch(t, "never", respond(hosts.at(-1))));
    await user.assertRefused(t, url());
  }, `One of them is denied: ${title}`);
}

for (const [title, url] of [
  ["to the page's own server, which is silent", () => redirect(B, respond(TEST_ORIGIN))],
  ["to one without TLS", () => redirect(B, respond(INSECURE))],
  ["into the local network", () => redirect(B, respond(LOCAL))],
  ["through the local network", () => redirect(B, redirect(LOCAL, respond(C)))],
  ["to a server that names another origin", () => redirect(B, respond(C, { header: `Access-Control-Allow-Origin:${OTHER_ORIGIN}` }))],
  ["to a server that opts out", () => redirect(B, respond(C, { header: "Access-Control-Prevent-Origin:*" }))],
  ["from a server that opts out", () => redirect(B, respond(C), { header: "Access-Control-Prevent-Origin:*" })],
  ["of 21 redirects", () => redirect(B, respond(B), { count: 21 })],
]) {
  // What a further target says is known after the question only, where something is sent to it.
  for (const method of title.startsWith("to a server that") ? ["GET"] : ["GET", "PUT"]) {
    user_test(async (t) => {
      if (method === "PUT") {
        await user.fetch(t, "visit", respond(B), { method });
      }
      await user.assertRefused(t, url(), { method });
    }, `Nobody is asked about a chain ${title}: ${method}`);
  }
}

for (const status of [307, 308]) {
  for (const choice of ["once", "not-now", "never"]) {
    user_test(async (t) => {
      const [first, second] = [newToken(), newToken()];
      const promise = fetch(redirect(B, respond(C, { token: second, body: "end" }), { token: first, status }), { method: "POST", body: "sent", headers: { "Content-Type": "application/json" } });
      await user.decide(t, "once");
      await user.question(t, (question) => question.hosts.includes(C));
      assert_array_equals(await seen(second), [], "nothing is sent before the answer");
      await user.decide(t, choice);
      if (choice === "once") {
        assert_equals(await (await promise).text(), "end");
        assert_array_equals((await seen(second)).map((record) => record.body), ["sent"]);
      } else {
        await rejects(t, promise);
        assert_array_equals(await seen(second), []);
      }
      assert_equals((await seen(first)).filter((record) => record.method === "POST").length, 1);
    }, `A body to another target, by ${status}: ${choice}`);
  }
}
