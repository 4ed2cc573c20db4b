// META: title=CORS: requests without a preflight
// META: script=/user-enabled-cors/resources/servers.sub.js

const allowing = (value) => ({ header: `Access-Control-Allow-Origin:${value}`, body: "text" });

for (const value of ["*", TEST_ORIGIN]) {
  promise_test(async () => {
    const response = await fetch(respond(ANSWERS.notNow, allowing(value)));
    assert_equals(response.type, "cors");
    assert_equals(await response.text(), "text");
  }, `Allowed by ${value.replace(TEST_ORIGIN, "the origin")}`);
}

for (const value of [OTHER_ORIGIN, "null", `${TEST_ORIGIN}/`, TEST_ORIGIN.toUpperCase(), `${TEST_ORIGIN}, *`]) {
  promise_test((t) => rejects(t, fetch(respond(ANSWERS.notNow, allowing(value)))), `Not allowed by ${value.replace(TEST_ORIGIN, "the origin").replace(TEST_ORIGIN.toUpperCase(), "the origin in capitals")}`);
}

promise_test(async () => {
  const header = ["Access-Control-Allow-Origin:*", "X-A:1", "X-B:2", "Access-Control-Expose-Headers:x-a"];
  const response = await fetch(respond(ANSWERS.notNow, { header }));
  assert_equals(response.headers.get("x-a"), "1");
  assert_equals(response.headers.get("x-b"), null);
}, "Exposed header fields");

promise_test(async () => {
  const header = [`Access-Control-Allow-Origin:${TEST_ORIGIN}`, "Access-Control-Allow-Credentials:true"];
  const response = await fetch(respond(ANSWERS.notNow, { header }), { credentials: "include" });
  assert_equals(response.type, "cors");
}, "Credentials that are allowed");

for (const header of [
  ["Access-Control-Allow-Origin:*", "Access-Control-Allow-Credentials:true"],
  [`Access-Control-Allow-Origin:${TEST_ORIGIN}`],
  [`Access-Control-Allow-Origin:${TEST_ORIGIN}`, "Access-Control-Allow-Credentials:TRUE"],
]) {
  promise_test(
    (t) => rejects(t, fetch(respond(ANSWERS.notNow, { header }), { credentials: "include" })),
    `Credentials that are not allowed: ${header.map((field) => field.replace(TEST_ORIGIN, "the origin")).join("; ")}`
  );
}
