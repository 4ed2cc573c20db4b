// META: title=User-enabled CORS: an objection: an opt-out is not an opt-in
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/user-enabled-cors/resources/user.js

// Only silence is open. Whatever a server says about sharing counts as a no, and no permission helps against it.
const TARGET = ANSWERS.once;
const PUT = { method: "PUT" };
const CUSTOM = { headers: { "X-Custom": "1" } };
const ALLOW_OTHER = `Access-Control-Allow-Origin:${OTHER_ORIGIN}`;

const NOS = [
  ["another origin", { header: ALLOW_OTHER }],
  ["the origin null", { header: "Access-Control-Allow-Origin:null" }],
  ["another origin, to a POST", { header: ALLOW_OTHER }, { method: "POST", body: "x" }],
  ["another origin, with an error status", { header: ALLOW_OTHER, status: 403 }],
  ["another origin, by the preflight", { "preflight-header": ALLOW_OTHER }, PUT],
  ["fewer methods, by the preflight", { "preflight-header": [ALLOW_TEST, "Access-Control-Allow-Methods:GET"] }, PUT],
  ["fewer header fields, by the preflight", { "preflight-header": ALLOW_TEST }, CUSTOM],
  ["a preflight with an error status that allows the origin", { "preflight-header": ALLOW_TEST, "preflight-status": 403 }, PUT],
  ["an opt-out for all", { header: "Access-Control-Prevent-Origin:*" }],
  ["an opt-out for this origin", { header: `Access-Control-Prevent-Origin:"${TEST_ORIGIN}"` }],
  ["an opt-out that does not parse", { header: "Access-Control-Prevent-Origin:;;" }],
  ["an opt-out by the preflight", { "preflight-header": "Access-Control-Prevent-Origin:*" }, PUT],
  ["a resource policy of same-origin", { header: "Cross-Origin-Resource-Policy:same-origin" }],
  ["a resource policy of same-site", { header: "Cross-Origin-Resource-Policy:same-site" }],
];

for (const [title, parameters, init] of NOS) {
  user_test((t) => user.assertRefused(t, respond(TARGET, parameters), init), `A no, and nobody is asked: ${title}`);

  user_test(async (t) => {
    await user.fetch(t, "visit", respond(TARGET), init);
    await user.assertRefused(t, respond(TARGET, parameters), init);
    await user.assertRead(respond(TARGET), init);
  }, `A no to what the user has allowed before: ${title}`);

  user_test(async (t) => {
    await user.policy({ AllowedPairs: [{ Requester: TEST_ORIGIN, Target: TARGET }] });
    await user.assertRead(respond(TARGET), init);
    await user.assertRefused(t, respond(TARGET, parameters), init);
  }, `A no to what policy allows: ${title}`);
}

for (const [title, parameters, init] of [
  ["nothing at all", {}],
  ["nothing, by the preflight", {}, PUT],
  ["a resource policy of cross-origin", { header: "Cross-Origin-Resource-Policy:cross-origin" }],
  ["an opt-out for another origin", { header: `Access-Control-Prevent-Origin:"${OTHER_ORIGIN}"` }],
]) {
  user_test((t) => user.assertAsked(t, respond(TARGET, parameters), init), `Not a no: ${title}`);
}

user_test(async (t) => {
  await user.fetch(t, "always", respond(TARGET));
  await user.assertRefused(t, respond(TARGET, { header: "Access-Control-Prevent-Origin:*;max-age=3600" }));
  await user.assertRefused(t, respond(TARGET));
  await user.advance(3601 * 1000);
  await user.assertRead(respond(TARGET));
}, "A no that is to be remembered is");
