// The vendor's part of upstream's testdriver.js: what a page can do for itself, in any browser, and what Latchkey does for it if
// it was started with --headless --test-driver.
(function () {
  "use strict";

  const driver = window.test_driver_internal;

  // How long the Set-Cookie headers of one response are together: they are all in its URL.
  const MOST_BYTES = 16000;

  // A path, and those of all folders that it is in, with and without a slash.
  const withParents = (path) => {
    const parts = path.split("/");
    return parts.flatMap((_, index) => {
      const start = parts.slice(0, index + 1).join("/");
      return [start, `${start}/`];
    });
  };

  // NB: Python leaves out what it takes for malformed, and script what is HttpOnly.
  const names = async () => {
    const seen = document.cookie.split("; ").filter(Boolean);
    const byScript = seen.map((pair) => (pair.includes("=") ? pair.slice(0, pair.indexOf("=")) : ""));
    const response = await fetch("/cookies/resources/list.py", { credentials: "include" });
    return new Set([...byScript, ...Object.keys(await response.json())]);
  };

  // Deletes the cookies of the page's host, and of those above it, in the folders that tests of cookies use.
  driver.delete_all_cookies = async () => {
    const host = location.hostname;
    const labels = host.split(".");
    const domains = labels.slice(0, -1).map((_, index) => labels.slice(index).join("."));
    const paths = new Set([...withParents(location.pathname), ...withParents("/cookies/resources")]);
    paths.delete("");
    const secure = location.protocol === "https:" ? "; Secure" : "";
    const headers = [];
    for (const name of await names()) {
      for (const path of paths) {
        const cookie = `${name}=${name ? "" : "x"}; Max-Age=0; Path=${path}${secure}`;
        headers.push(cookie, ...domains.map((domain) => `${cookie}; Domain=${domain}`));
        if (secure) {
          headers.push(`${cookie}; Partitioned`);
        }
      }
    }
    while (headers.length > 0) {
      const some = [headers.shift()];
      let bytes = some[0].length;
      while (headers.length > 0 && (bytes += headers[0].length) < MOST_BYTES) {
        some.push(headers.shift());
      }
      const set = encodeURIComponent(JSON.stringify(some));
      await fetch(`/cookies/resources/cookie.py?set=${set}`, { credentials: "include" });
    }
  };

  // NB: There may be other browsers on the same engine; they answer nothing, which is an error of its own below.
  if (!/ Servo\//.test(navigator.userAgent)) {
    return;
  }

  // What is not here fails at once: nobody is there to do it by hand.
  driver.in_automation = true;

  // Gives the browser a command, as the text of a prompt(). It answers at once, with {"ok": value} or {"error": text}.
  const command = (view, name, parameters) => {
    const text = view.prompt(`latchkey-test-driver:${JSON.stringify({ ...parameters, command: name })}`);
    if (!text) {
      throw new Error(`${name}: the browser was not started with --test-driver`);
    }
    const answer = JSON.parse(text);
    if ("error" in answer) {
      throw new Error(`${name}: ${answer.error}`);
    }
    return answer.ok;
  };

  driver.get_all_cookies = async () => command(window, "cookies", { url: document.URL });

  driver.get_named_cookie = async (name) => {
    const cookies = await driver.get_all_cookies();
    return cookies.find((cookie) => cookie.name === name);
  };

  // Clicks at a point of the element's viewport.
  driver.click = async (element, { x, y }) => {
    const view = element.ownerDocument.defaultView;
    for (let inner = view; inner !== inner.top; inner = inner.parent) {
      const frame = inner.frameElement;
      if (!frame) {
        throw new Error("click: not in a frame of another origin");
      }
      const box = frame.getBoundingClientRect();
      x += box.left + frame.clientLeft;
      y += box.top + frame.clientTop;
    }
    let isClicked = false;
    const noticed = (event) => {
      isClicked ||= event.composedPath().includes(element);
    };
    view.addEventListener("click", noticed, { capture: true });
    // What was just put there has to be painted, since the browser looks for what is at the point.
    const frame = () => new Promise((resolve) => view.requestAnimationFrame(resolve));
    await frame();
    await frame();
    try {
      // NB: A click goes by if what is there has not reached the screen yet, which takes longer on a busy machine.
      for (let clicks = 0; clicks < 10 && !isClicked; clicks++) {
        command(view, "click", { x, y });
        for (let frames = 0; frames < 30 && !isClicked; frames++) {
          await frame();
        }
      }
    } finally {
      view.removeEventListener("click", noticed, { capture: true });
    }
    if (!isClicked) {
      throw new Error("an element that something else covers cannot be clicked");
    }
  };
})();
