/* What HTML alone cannot do. Everything listens on the document, so that a swap never loses it; no text becomes markup here. */
"use strict";
(() => {
  // Without the extension that asks for the nonce, htmx shall do nothing at all. Registering it once more answers false where it is there.
  if (window.htmx && htmx.registerExtension("hx-csp", {}) !== false) document.addEventListener("htmx:before:process", (event) => event.preventDefault());

  const find = (selector, root = document) => root.querySelector(selector);
  const typing = (element) => element.closest("input:not([type=radio],[type=checkbox]), textarea, select, [contenteditable]");

  // Looks: theme and row height.
  const showLooks = () => {
    for (const input of document.querySelectorAll("[data-look]")) {
      const chosen = hive.chosen(input.dataset.look) ?? { theme: "system", rows: "roomy" }[input.dataset.look];
      input.checked = input.value === chosen;
    }
  };
  document.addEventListener("change", ({ target }) => {
    if (target.dataset.look) hive.choose(target.dataset.look, target.value);
  });

  // Toasts and announcements.
  const announce = (text) => {
    const live = find("#live");
    if (!live || !text) return;
    live.textContent = "";
    setTimeout(() => (live.textContent = text), 50);
  };
  const texts = () => find("#toasts")?.dataset ?? {};
  const leave = (item) => item.matches(".hm-toast-danger") || setTimeout(() => item.remove(), "undo" in item.dataset ? 10000 : 7000);
  const toast = (text, kind = "success") => {
    const item = find("#toast")?.content.firstElementChild.cloneNode(true);
    if (!item || !text) return;
    item.classList.add(`hm-toast-${kind}`);
    find("span", item).textContent = text;
    find("#toasts").append(item);
    leave(item);
  };
  const leaveAll = () => document.querySelectorAll("#toasts > :not([data-leaving])").forEach((item) => ((item.dataset.leaving = ""), leave(item)));
  document.addEventListener("hm:toast", ({ detail }) => toast(detail?.text ?? detail?.value, detail?.kind));

  // One question before an act, for links, forms and htmx alike.
  const ask = (text, label) =>
    new Promise((resolve) => {
      const dialog = find("#hm-confirm");
      const yes = find("[value=yes]", dialog);
      yes.textContent = label ?? yes.dataset.yes;
      find("#hm-confirm-text").textContent = text;
      dialog.returnValue = "no";
      dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
      dialog.showModal();
    });
  document.addEventListener("htmx:confirm", (event) => {
    event.preventDefault();
    ask(event.detail.ctx.confirm).then((yes) => (yes ? event.detail.issueRequest() : event.detail.dropRequest()));
  });

  // Forms: unsaved changes, one submission each, and the question.
  const changed = new WeakSet();
  const sent = new WeakSet();
  const agreed = new WeakSet();
  const agree = (form, submitter) => {
    const field = find("[name=confirmed]", form) ?? form.appendChild(Object.assign(document.createElement("input"), { type: "hidden", name: "confirmed" }));
    if (field.type === "checkbox") field.checked = true;
    else field.value = "yes";
    agreed.add(form);
    form.requestSubmit(submitter ?? undefined);
  };
  const guarded = () => [...document.querySelectorAll("form[data-guard]")].some((form) => changed.has(form) && !sent.has(form));
  document.addEventListener("input", ({ target }) => target.form?.hasAttribute("data-guard") && changed.add(target.form));
  window.addEventListener("beforeunload", (event) => guarded() && event.preventDefault());
  document.addEventListener(
    "submit",
    (event) => {
      const form = event.target;
      const question = event.submitter?.dataset.confirm ?? form.dataset.confirm;
      if (form.method === "dialog") return;
      if (question && !agreed.delete(form)) {
        event.preventDefault();
        event.stopImmediatePropagation();
        ask(question, form.dataset.yes).then((yes) => yes && agree(form, event.submitter));
        return;
      }
      if (form.method !== "post" || form.matches("[data-htmx-powered]")) return;
      if (sent.has(form)) return event.preventDefault();
      sent.add(form);
      form.setAttribute("aria-busy", "true");
    },
    true,
  );
  window.addEventListener("pageshow", ({ persisted }) => {
    if (!persisted) return;
    for (const form of document.querySelectorAll("form[aria-busy]")) (sent.delete(form), form.removeAttribute("aria-busy"));
  });

  // Back shows the form that was sent: its key stays with its place in the history, so that sending it again adds nothing a second time.
  const keepKeys = () => {
    const back = performance.getEntriesByType("navigation")[0]?.type === "back_forward";
    const held = back ? [...(history.state?.keys ?? [])] : [];
    const keys = [...document.querySelectorAll('form input[name="idempotency_key"]')].map((field) => {
      const action = field.form.getAttribute("action");
      const at = held.findIndex(([other]) => other === action);
      if (at >= 0) field.value = held.splice(at, 1)[0][1];
      return [action, field.value];
    });
    if (keys.length) history.replaceState({ ...history.state, keys }, "");
  };
  // htmx writes a state of its own at the first swap, and knows nothing of keys.
  document.addEventListener("htmx:after:swap", () => history.state?.keys || keepKeys());

  // Lists: the address bar shows the page, never the partial; empty fields are left out of it.
  document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
    const page = ctx.sourceElement?.dataset?.page;
    if (!page) return;
    for (const [name, value] of [...ctx.request.body]) if (value === "") ctx.request.body.delete(name, value);
    ctx.listPage = page;
  });
  document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => {
    if (!ctx.listPage) return;
    const path = ctx.listPage + new URL(ctx.request.action, location.href).search;
    ctx[new URLSearchParams(location.search).has("q") ? "replace" : "push"] = path;
  });

  // While something loads one sees it: what will be replaced dims, and a thin bar runs on top, for swaps and for whole pages.
  const place = (target) => (target instanceof Element ? target : find(target ?? "body"));
  const loading = new Set();
  const showLoading = (target) => {
    const busy = [...loading].some((ctx) => place(ctx.target) === target);
    if (target && target !== document.body) busy ? target.setAttribute("aria-busy", "true") : target.removeAttribute("aria-busy");
    document.documentElement.classList.toggle("hm-loading", loading.size > 0);
  };
  const quiet = ({ request, sourceElement }) => request.method === "GET" && sourceElement?.getAttribute("hx-trigger")?.startsWith("every");
  document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => {
    if (quiet(ctx)) return;
    loading.add(ctx);
    showLoading(place(ctx.target));
  });
  document.addEventListener("htmx:finally:request", ({ detail: { ctx } }) => {
    loading.delete(ctx);
    showLoading(place(ctx.target));
  });
  window.addEventListener("beforeunload", (event) => event.defaultPrevented || document.documentElement.classList.add("hm-leaving"));
  window.addEventListener("pageshow", () => document.documentElement.classList.remove("hm-leaving"));

  // Our own errors say where they want to be shown (HX-Retarget), and 409 and 422 are fragments of their own place.
  // What is left comes from something in between, and is no text to show.
  document.addEventListener("htmx:after:request", (event) => {
    const { ctx } = event.detail;
    const status = ctx.response.status;
    if (status < 400 || status === 409 || status === 422 || ctx.hx.retarget) return;
    if (ctx.hx.redirect && !guarded()) return;
    event.preventDefault();
    if (ctx.hx.redirect) return signedOut(ctx.hx.redirect.replace(/\?.*/, "?next=/signed-in"));
    if (ctx.hx.trigger?.includes('"hm:')) return;
    toast(texts().failed.replace("%s", status), "danger");
  });
  document.addEventListener("htmx:error", ({ detail }) => detail.ctx && toast(texts().unreachable, "danger"));

  // After a swap: say what came, and never leave the focus on nothing.
  document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
    const target = ctx.target instanceof Element ? (find(`[id="${CSS.escape(ctx.target.id)}"]`) ?? ctx.target) : find(ctx.target ?? "body");
    announce(target?.dataset?.announce);
    showLooks();
    leaveAll();
    const wrong = target && find("[aria-invalid=true]", target);
    if (wrong) return wrong.focus();
    if (document.activeElement !== document.body) return;
    const place = target?.isConnected && target !== document.body && target.id !== "toasts" ? target : find("#content");
    if (place && !place.matches("a[href],button,input,select,textarea,[tabindex]")) place.tabIndex = -1;
    place?.focus({ preventScroll: true });
  });

  // The session. Its end is known to all tabs by a time in the browser's storage, which every page of ours writes anew; asking for that
  // time touches no server. A tab that signs in again says so to the one that keeps what was typed.
  const session = find("meta[name=hm-session]");
  const channel = new BroadcastChannel("hm-session");
  const WARN_SECONDS = 120;
  const pageEnds = Date.now() + Number(session?.dataset.most) * 1000;
  let asked = "";
  const stays = (idle, most) => {
    const seconds = Math.min(idle, most);
    const end = { at: Date.now() + seconds * 1000, last: Date.now() + most * 1000, warn: Math.min(WARN_SECONDS, seconds / 2) };
    localStorage.setItem("hm_session_ends", JSON.stringify(end));
    unasked();
  };
  const unasked = () => {
    if (asked) find("#hm-session")?.close();
    asked = "";
  };
  const sayEnd = (state, url) => {
    const dialog = find("#hm-session");
    if (!dialog || asked === state) return;
    asked = state;
    for (const part of dialog.querySelectorAll("[data-when]")) part.hidden = !part.dataset.when.split(" ").includes(state);
    if (url) find("a[target]", dialog).href = url;
    if (!dialog.open) dialog.showModal();
  };
  const signedOut = (url) => sayEnd("over", url);
  const watch = () => {
    const end = JSON.parse(localStorage.getItem("hm_session_ends") ?? "null");
    if (!end) return;
    const left = (end.at - Date.now()) / 1000;
    if (left <= 0) signedOut();
    else if (left <= end.warn) sayEnd(end.at === end.last ? "final" : "soon");
    else unasked();
  };
  const stay = async () => {
    const answer = await fetch("/session", { redirect: "manual", cache: "no-store" }).catch(() => null);
    if (answer?.status === 204) stays(Number(answer.headers.get("X-Session-Idle")), Number(answer.headers.get("X-Session-Most")));
    else signedOut();
  };
  document.addEventListener("htmx:after:request", ({ detail: { ctx } }) => {
    if (session && ctx.response.status < 400) stays(Number(session.content), (pageEnds - Date.now()) / 1000);
  });
  document.addEventListener("hm:signed-out", ({ detail }) => signedOut(detail.url));
  document.addEventListener("hm:token", ({ target, detail }) => {
    document.body.setAttribute("hx-headers:inherited", JSON.stringify({ "X-XSRF-Token": detail.token }));
    for (const field of document.querySelectorAll("input[name=_xsrf]")) field.value = detail.token;
    if (target.form === undefined || target.matches("button")) target.requestSubmit ? target.requestSubmit() : target.click();
    else target.dispatchEvent(new Event("input", { bubbles: true }));
  });
  channel.addEventListener("message", ({ data }) => {
    if (asked === "over") unasked();
    const keeps = find("[data-kept]");
    if (keeps?.dataset.kept !== data) return;
    find("#signed-in-again").hidden = false;
    find("button[name=_xsrf]", keeps).classList.add("btn-primary");
    find("button[name=_xsrf]", keeps).focus();
  });
  document.addEventListener("click", ({ target }) => target.closest("[data-stay]") && stay());

  // Drafts: what is typed into a form marked for it is kept in this browser until a page comes that says it was saved.
  const DRAFT_DAYS = 7;
  const person = session?.dataset.person ?? find("[data-kept]")?.dataset.kept;
  const draftKey = (form) => `hm_draft ${person} ${new URL(form.action).pathname}`;
  const drafts = () => Object.keys(localStorage).filter((key) => key.startsWith("hm_draft "));
  const typedIn = (form) => [...new FormData(form)].filter(([name, value]) => typeof value === "string" && !["_xsrf", "version", "base", "idempotency_key"].includes(name));
  const keepDraft = (form) => {
    try {
      localStorage.setItem(draftKey(form), JSON.stringify({ at: Date.now(), fields: typedIn(form) }));
    } catch (full) {
      console.info("no room for a draft", full.name);
    }
  };
  const fill = (form, fields) => {
    for (const control of form.elements) {
      const values = fields.filter(([name]) => name === control.name).map(([, value]) => value);
      if (!control.name || control.type === "hidden" || control.type === "file") continue;
      if (control.type === "checkbox" || control.type === "radio") control.checked = values.includes(control.value);
      else if (control.multiple) for (const option of control.options) option.selected = values.includes(option.value);
      else if (values.length) control.value = values[0];
    }
    changed.add(form);
    find("textarea", form)?.dispatchEvent(new Event("input", { bubbles: true }));
  };
  const offerDraft = (form) => {
    const key = draftKey(form);
    const draft = JSON.parse(localStorage.getItem(key) ?? "null");
    const offer = find("#draft")?.content.firstElementChild.cloneNode(true);
    if (!draft || !offer) return;
    if (JSON.stringify(draft.fields) === JSON.stringify(typedIn(form))) return localStorage.removeItem(key);
    find("time", offer).textContent = new Date(draft.at).toLocaleString(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" });
    find("[data-restore]", offer).addEventListener("click", () => (fill(form, draft.fields), offer.remove(), form.querySelector("textarea, input:not([type=hidden])")?.focus()));
    find("[data-discard]", offer).addEventListener("click", () => (localStorage.removeItem(key), offer.remove()));
    form.before(offer);
  };
  const startDrafts = () => {
    const unsaved = find("[data-unsaved]");
    if (unsaved?.matches("form")) changed.add(unsaved);
    const form = find("form[data-draft]");
    const waits = sessionStorage.getItem("hm_draft_sent");
    const again = form && waits === draftKey(form);
    if (!session) return;
    if (waits && !unsaved && !again && !find(".hm-conflict")) localStorage.removeItem(waits);
    sessionStorage.removeItem("hm_draft_sent");
    for (const key of drafts()) {
      const old = Date.now() - JSON.parse(localStorage.getItem(key)).at > DRAFT_DAYS * 86400000;
      if (old || !key.startsWith(`hm_draft ${person} `)) localStorage.removeItem(key);
    }
    if (form) offerDraft(form);
  };
  let saving = 0;
  document.addEventListener("input", ({ target }) => {
    if (!session || !target.form?.hasAttribute("data-draft")) return;
    clearTimeout(saving);
    saving = setTimeout(() => keepDraft(target.form), 400);
  });
  document.addEventListener("submit", ({ target }) => {
    if (!person || target.method !== "post") return;
    if (target.hasAttribute("data-draft")) keepDraft(target);
    if (localStorage.getItem(draftKey(target)) !== null) sessionStorage.setItem("hm_draft_sent", draftKey(target));
  });

  // Keys.
  let going = false;
  const rows = () => [...document.querySelectorAll(".hm-table tbody tr")];
  const step = (by) => {
    const all = rows();
    const now = all.findIndex((row) => row.contains(document.activeElement));
    const next = all[now < 0 ? (by > 0 ? 0 : all.length - 1) : now + by];
    const link = next && find("a[href], button", next);
    link?.focus();
    next?.scrollIntoView({ block: "nearest" });
  };
  const keys = {
    "/": () => (find("[data-search]") ?? find("#search"))?.focus(),
    "?": () => find("#hm-keys")?.showModal(),
    j: () => step(1),
    k: () => step(-1),
    e: () => (find("[data-edit]", document.activeElement.closest("tr") ?? document) ?? find("[data-edit]"))?.click(),
    Escape: () => find(".hm-crumbs li:last-child a")?.click(),
    g: () => {
      going = true;
      setTimeout(() => (going = false), 1500);
    },
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || find("dialog[open]")) return;
    const field = typing(event.target);
    if (field) {
      if (event.key === "Escape" && !find(":popover-open")) field.blur();
      return;
    }
    if (find(":popover-open") && event.key === "Escape") return;
    const go = going && find(`[data-go="${CSS.escape(event.key)}"]`);
    going = false;
    if (go) return go.click();
    if (!keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  });

  document.addEventListener("click", ({ target }) => {
    target.closest("[data-dismiss]")?.closest(".hm-toast").remove();
    const opener = target.closest("[data-opens]");
    if (!opener) return;
    opener.closest("[popover]")?.hidePopover();
    find(`#${CSS.escape(opener.dataset.opens)}`)?.showModal();
  });

  const start = () => {
    showLooks();
    leaveAll();
    keepKeys();
    if (session) stays(Number(session.content), Number(session.dataset.most));
    if (session) setInterval(watch, 5000);
    if (find("[data-signed-in]")) channel.postMessage(find("[data-signed-in]").dataset.signedIn);
    startDrafts();
    find("form[data-autosubmit]")?.requestSubmit();
  };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
