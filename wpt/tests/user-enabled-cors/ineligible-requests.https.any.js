// META: title=User-enabled CORS: requests for which the user is not asked
// META: script=/user-enabled-cors/resources/servers.sub.js

promise_test((t) => rejects(t, fetch(respond(ANSWERS.once), { credentials: "include" })), "Credentials mode include");

for (const redirectMode of ["error", "manual"]) {
  promise_test(async (t) => {
    await rejects(t, fetch(respond(ANSWERS.once), { redirect: redirectMode }));
  }, `Redirect mode ${redirectMode}`);
}

promise_test((t) => rejects(t, fetch(respond(ANSWERS.once), { method: "PROPFIND" })), "A method that is not listed");

for (const name of [
  "X-HTTP-Method",
  "X-HTTP-Method-Override",
  "X-Method-Override",
  "X-Original-URL",
  "X-Rewrite-URL",
  "Forwarded",
  "X-Forwarded-For",
  "X-Forwarded-Host",
  "X-Real-IP",
]) {
  promise_test(async (t) => {
    const token = newToken();
    await rejects(t, fetch(respond(ANSWERS.once, { token }), { headers: { [name]: "DELETE" } }));
    assert_false((await seen(token)).some((record) => !record.isPreflight));
  }, `A header field that changes what common servers do: ${name}`);
}

promise_test((t) => rejects(t, fetch(respond(LOCAL))), "A target that is not public");

promise_test((t) => rejects(t, fetch(respond(INSECURE))), "A target without TLS");

promise_test(async () => {
  const response = await fetch(respond(ANSWERS.once), { mode: "no-cors" });
  assert_equals(response.type, "opaque");
}, "A no-cors request is as it was");
