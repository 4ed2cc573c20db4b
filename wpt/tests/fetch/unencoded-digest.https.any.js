// META: title=Fetch: Unencoded-Digest
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/cors/resources/hosts.sub.js

const RIGHT = "sha-256=:mC2ePrmW9VnmM/TRlN7zdh2Qn1o7ZH0ahR/q1nwyydE=:";
const RIGHT_TOO = "sha-512=:6vLBJ0LLjBYby9hLAyubuYmZojKCVCZyygHMbt0mj33OmYetayvHkwVjT4nZC5AQK81ZpX5xNbjjzrk8BZcRew==:";
const WRONG = "sha-256=:+44g/C5MPySMYMOb1lLzwTRymLuXe4tNWQO4UFViBgM=:";

for (const [title, digest, holds] of [
  ["one", RIGHT, true],
  ["two", `${RIGHT}, ${RIGHT_TOO}`, true],
  ["of an algorithm that is not known", "sha=:AAAA:", true],
  ["no dictionary", "=", true],
  ["wrong", WRONG, false],
  ["one of two wrong", `${WRONG}, ${RIGHT_TOO}`, false],
]) {
  for (const [whose, origin, mode] of [["the same origin", TEST_ORIGIN, "cors"], ["another", CROSS_SITE, "cors"], ["another, opaque", CROSS_SITE, "no-cors"]]) {
    promise_test(async (t) => {
      const promise = fetch(respond(origin, { body: "text", header: [ALLOW_ALL, `Unencoded-Digest:${digest}`] }), { mode });
      if (!holds) {
        await rejects(t, promise);
      } else if (mode === "cors") {
        assert_equals(await (await promise).text(), "text");
      } else {
        assert_equals((await promise).type, "opaque");
      }
    }, `A digest of ${whose} that ${holds ? "holds" : "does not hold"}: ${title}`);
  }
}

promise_test(async () => {
  const response = await fetch(respond(TEST_ORIGIN, { body: "text", header: `Unencoded-Digest:${WRONG}` }), { method: "HEAD" });
  assert_true(response.ok);
}, "Where there is no body, there is nothing to compare");
