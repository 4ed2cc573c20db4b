// META: title=User-enabled CORS: failures that are not CORS's never ask
// META: script=/user-enabled-cors/resources/servers.sub.js

for (const kind of ["close", "reset", "garbage", "cut-header"]) {
  for (const [method, answer] of [["GET", "visit"], ["POST", "visit"], ["PUT", "visit"]]) {
    promise_test(async (t) => {
      const token = newToken();
      await rejects(t, fetch(respond(ANSWERS[answer], { token, break: kind }), { method }));
      const records = (await seen(token)).filter((record) => !record.isPreflight);
      if (method !== "GET") {
        assert_less_than_equal(records.length, 1, "nothing unsafe is sent again");
      }
    }, `No response: ${method}, ${kind}`);
  }
}

for (const [title, url] of [
  ["a host that is not there", "https://nonexistent.invalid/"],
  ["a bad port", respond(ANSWERS.once).replace(/:\d+\//, ":1/")],
  ["TLS with a server that has none", respond(INSECURE).replace("http:", "https:")],
]) {
  promise_test((t) => rejects(t, fetch(url)), `No connection: ${title}`);
}

promise_test(async (t) => {
  const token = newToken();
  await rejects(t, fetch(respond(INSECURE, { token })));
  assert_array_equals(await seen(token), []);
}, "Mixed content");

for (const [integrity, holds] of [
  ["sha256-mC2ePrmW9VnmM/TRlN7zdh2Qn1o7ZH0ahR/q1nwyydE=", true],
  ["sha256-+44g/C5MPySMYMOb1lLzwTRymLuXe4tNWQO4UFViBgM=", false],
]) {
  for (const method of ["GET", "POST", "PUT"]) {
    promise_test(async (t) => {
      const promise = fetch(respond(ANSWERS.once, { body: "text" }), { integrity, method });
      if (holds) {
        assert_equals(await (await promise).text(), "text");
      } else {
        await rejects(t, promise);
      }
    }, `Integrity of what the user allows: ${method}, it ${holds ? "holds" : "does not hold"}`);
  }
}
