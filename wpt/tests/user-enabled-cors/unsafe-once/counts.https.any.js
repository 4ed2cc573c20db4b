// META: title=User-enabled CORS: nothing unsafe is sent twice
// META: script=/user-enabled-cors/resources/servers.sub.js

const UNSAFE = ["POST", "PUT", "PATCH", "DELETE"];
const counted = async (token, method) => (await seen(token)).filter((record) => record.method === method).length;

for (const method of UNSAFE) {
  for (const answer of ["once", "visit"]) {
    promise_test(async () => {
      const token = newToken();
      const response = await fetch(respond(ANSWERS[answer], { token, body: "done" }), { method, body: "x" });
      assert_equals(await response.text(), "done");
      assert_equals(await counted(token, method), 1);
    }, `${method} that is allowed ${answer} is sent once`);
  }

  promise_test(async (t) => {
    const token = newToken();
    await rejects(t, fetch(respond(ANSWERS.notNow, { token }), { method, body: "x" }));
    assert_equals(await counted(token, method), method === "POST" ? 1 : 0);
  }, `${method} that is declined is sent no more than before`);

  promise_test(async (t) => {
    const token = newToken();
    const header = "Cross-Origin-Resource-Policy:same-origin";
    await rejects(t, fetch(respond(ANSWERS.once, { token, header }), { method, body: "x" }));
    assert_equals(await counted(token, method), 1);
  }, `${method} whose response is a no is sent once`);

  for (const kind of ["reset", "close", "cut-header"]) {
    promise_test(async (t) => {
      const token = newToken();
      await fetch(respond(ANSWERS.visit), { method });
      await rejects(t, fetch(respond(ANSWERS.visit, { token, break: kind }), { method, body: "x" }));
      assert_equals(await counted(token, method), 1);
    }, `${method} under a permission, whose connection ends without a response, is sent once: ${kind}`);
  }

  promise_test(async () => {
    const token = newToken();
    await fetch(respond(ANSWERS.visit), { method });
    const headers = { "X-Custom": "1" };
    const response = await fetch(respond(ANSWERS.visit, { token, status: 421, body: "text" }), { method, headers, body: "x" });
    assert_equals(response.status, 421);
    assert_equals(await counted(token, method), 1);
  }, `${method} whose server says that it is not the right one is sent once`);

  promise_test(async (t) => {
    const token = newToken();
    const promise = fetch(handler(ANSWERS.once, "broken.py", { token, kind: "cut-body" }), { method, body: "x" }).then((response) =>
      response.text()
    );
    await rejects(t, promise);
    assert_less_than_equal(await counted(token, method), 1);
  }, `${method} whose response breaks off is sent once`);
}

promise_test(async () => {
  const token = newToken();
  await fetch(respond(ANSWERS.once, { token }), { method: "POST", body: "x", headers: { "Content-Type": "text/plain" } });
  const records = await seen(token);
  assert_equals(records.length, 1);
  assert_equals(headerOf(records[0], "sec-user-enabled-cors"), null, "what was sent already is what is released");
}, "A simple POST is released, not sent for the user");

promise_test(async (t) => {
  const [first, second] = [newToken(), newToken()];
  const url = redirect(ANSWERS.once, respond(ANSWERS.once, { token: second }), { token: first, status: 307 });
  await fetch(url, { method: "POST", body: "x" }).catch(() => {});
  assert_equals(await counted(first, "POST"), 1);
  assert_less_than_equal(await counted(second, "POST"), 1);
}, "A simple POST that is redirected is sent to each at most once");
