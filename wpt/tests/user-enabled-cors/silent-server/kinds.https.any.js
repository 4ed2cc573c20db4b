// META: title=User-enabled CORS: kinds of silence
// META: script=/user-enabled-cors/resources/servers.sub.js

const origins = (...values) => ({ header: values.map((value) => `Access-Control-Allow-Origin:${value}`) });
const shown = (values) => JSON.stringify(values).replaceAll(TEST_ORIGIN, "the origin");

for (const values of [
  [],
  [""],
  ["*", "*"],
  [TEST_ORIGIN, TEST_ORIGIN],
  ["*", OTHER_ORIGIN],
  ["**"],
  ["all"],
  ["*.example"],
  ["web page"],
  [`${TEST_ORIGIN}/path`],
  [`${TEST_ORIGIN} ${OTHER_ORIGIN}`],
  ["https://"],
  ["://other.example"],
]) {
  promise_test(async () => {
    const response = await fetch(respond(ANSWERS.once, { ...origins(...values), body: "text" }));
    assert_equals(response.type, "cors");
    assert_equals(await response.text(), "text");
  }, `The user is asked: ${shown(values)}`);

  promise_test(
    (t) => rejects(t, fetch(respond(ANSWERS.notNow, { ...origins(...values), body: "text" }))),
    `If the user declines it is the failure that it was: ${shown(values)}`
  );
}

for (const field of [
  "Access-Control-Allow-Methods:*",
  "Access-Control-Allow-Credentials:true",
  "Access-Control-Expose-Headers:x-custom",
  "Timing-Allow-Origin:*",
  "Vary:Origin",
]) {
  promise_test(async () => {
    const response = await fetch(respond(ANSWERS.once, { header: field, body: "text" }));
    assert_equals(await response.text(), "text");
  }, `Other header fields are no word on who may read: ${field}`);
}
