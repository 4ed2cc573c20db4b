// META: title=Fetch: integrity
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/cors/resources/hosts.sub.js

const OF_TEXT = {
  sha256: "mC2ePrmW9VnmM/TRlN7zdh2Qn1o7ZH0ahR/q1nwyydE=",
  sha384: "MTp+MyKsZVwnazoKnmsnxEjFcHsbDiADe0Krd2G6JRYvdlnU/+Hq/ZlmIEwbQftz",
  sha512: "6vLBJ0LLjBYby9hLAyubuYmZojKCVCZyygHMbt0mj33OmYetayvHkwVjT4nZC5AQK81ZpX5xNbjjzrk8BZcRew==",
};
const OF_OTHERS = {
  sha256: "+44g/C5MPySMYMOb1lLzwTRymLuXe4tNWQO4UFViBgM=",
  sha512: "LUCKBxfsGIFYJ4p5bGiQRDYdxv3eKNbwSXO4CJbhgjl1zb8S62P54FkTKO4jXYDptb8apqRPRhf/PK9kAOsXLQ==",
};
const right = (name) => `${name}-${OF_TEXT[name]}`;
const wrong = (name) => `${name}-${OF_OTHERS[name]}`;

for (const [title, integrity, holds] of [
  ["SHA-256", right("sha256"), true],
  ["SHA-384", right("sha384"), true],
  ["SHA-512", right("sha512"), true],
  ["nothing", "", true],
  ["an algorithm that is not known", "md5-AAAA", true],
  ["no integrity metadata", "text", true],
  ["what is no base64", "sha256-...", true],
  ["one of two", `${wrong("sha256")} ${right("sha256")}`, true],
  ["the strongest of two", `${wrong("sha256")} ${right("sha512")}`, true],
  ["with options", `${right("sha256")}?option`, true],
  ["wrong", wrong("sha256"), false],
  ["wrong beside what is no base64", `sha256-... ${wrong("sha256")}`, false],
  ["the weaker of two only", `${right("sha256")} ${wrong("sha512")}`, false],
  ["the right digest of another algorithm", `sha512-${OF_TEXT.sha256}`, false],
]) {
  for (const origin of [TEST_ORIGIN, CROSS_SITE]) {
    promise_test(async (t) => {
      const promise = fetch(respond(origin, { body: "text", header: ALLOW_ALL }), { integrity });
      if (holds) {
        assert_equals(await (await promise).text(), "text");
      } else {
        await rejects(t, promise);
      }
    }, `Integrity that ${holds ? "holds" : "does not hold"}: ${title}, of ${origin === TEST_ORIGIN ? "the same" : "another"} origin`);
  }
}

promise_test(async (t) => {
  await rejects(t, fetch(respond(CROSS_SITE, { body: "text" }), { integrity: right("sha256") }));
}, "Integrity does not stand in for CORS");

promise_test(async (t) => {
  await rejects(t, fetch(respond(CROSS_SITE, { body: "text" }), { integrity: right("sha256"), mode: "no-cors" }));
}, "An opaque response has no integrity");
