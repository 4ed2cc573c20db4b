// META: title=User-enabled CORS: the grammar of Access-Control-Prevent-Origin
// META: script=/user-enabled-cors/resources/servers.sub.js

const preventing = (...values) =>
  respond(ANSWERS.once, { body: "text", header: values.map((value) => `Access-Control-Prevent-Origin:${value}`) });
// In the names of tests ports have no place, as a server may have any.
const shown = (values) =>
  values.join(" | ").replaceAll(TEST_ORIGIN, "the origin").replaceAll(OTHER_ORIGIN, "another").replaceAll(/:\d+/g, ":port");
const O = TEST_ORIGIN;

for (const values of [
  ["*"],
  [" * "],
  [`"${O}"`],
  [`"${OTHER_ORIGIN}", "${O}"`],
  [`"${O}", "${OTHER_ORIGIN}"`],
  [`"${OTHER_ORIGIN}", *`],
  [`"${OTHER_ORIGIN}"`, `"${O}"`],
  ["*;unknown=1"],
  [`"${O}";unknown="x"`],
  ["\"*\""],
]) {
  promise_test((t) => rejects(t, fetch(preventing(...values))), `It names the requester: ${shown(values)}`);
}

for (const values of [
  [O],
  [`"${O}`],
  ["?0"],
  ["1"],
  ["()"],
  [`("${O}")`],
  ["*,"],
  [",*"],
  ["* *"],
  ["\"é\""],
  [`"${OTHER_ORIGIN}";`],
  [`"${OTHER_ORIGIN}" "x"`],
  ["'x'"],
  [":AAAA:"],
  ["*;max-age=x y"],
  ["none"],
  [`"${O}/"`],
  [`"${OTHER_ORIGIN}/path"`],
  ["\"other.example\""],
  ["\"null\""],
]) {
  promise_test((t) => rejects(t, fetch(preventing(...values))), `It is no list of stars and origins, and counts as all: ${shown(values)}`);
}

for (const values of [
  [`"${OTHER_ORIGIN}"`],
  [`"${OTHER_ORIGIN}", "https://third.example"`],
  [`"${OTHER_ORIGIN}"`, "\"https://third.example\""],
  [`"${OTHER_ORIGIN}";unknown`],
  [`"${O.replace("https:", "http:")}"`],
  [`"${O.replace(/:\d+$/, "")}"`],
  [`"${O.replace("//", "//www.")}"`],
  [""],
]) {
  promise_test(async () => {
    const response = await fetch(preventing(...values));
    assert_equals(await response.text(), "text");
  }, `It does not name the requester: ${shown(values)}`);
}

promise_test(
  (t) => rejects(t, fetch(preventing(Array(65).fill(`"${OTHER_ORIGIN}"`).join(", ")))),
  "More than 64 members count as all"
);

promise_test(async () => {
  const response = await fetch(preventing(Array(64).fill(`"${OTHER_ORIGIN}"`).join(", ")));
  assert_equals(await response.text(), "text");
}, "64 members are read");

promise_test(async () => {
  const header = ["Access-Control-Prevent-Origin:*", ALLOW_ALL];
  const response = await fetch(respond(ANSWERS.once, { body: "text", header }));
  assert_equals(await response.text(), "text");
}, "It takes nothing away from what the server allows by CORS itself");

promise_test(async () => {
  const response = await fetch(respond(TEST_ORIGIN, { body: "text", header: "Access-Control-Prevent-Origin:*" }));
  assert_equals(await response.text(), "text");
}, "It means nothing to the same origin");

promise_test(async () => {
  const response = await fetch(respond(ANSWERS.once, { header: "Access-Control-Prevent-Origin:*" }), { mode: "no-cors" });
  assert_equals(response.type, "opaque");
}, "It means nothing to a no-cors request");
