// The console by keyboard: / searches, g and a letter goes somewhere, j and k walk a list, ? says so.
"use strict";

const WAYS = { i: "/incidents", a: "/approvals", c: "/chat", d: "/desk", k: "/knowledge", e: "/detectors", r: "/reports", u: "/audit", h: "/settings", n: "/tickets/new" };
let going = 0;

function isTyping(target) {
  return target.closest?.("input, textarea, select, [contenteditable]") !== null || document.querySelector(".q-dialog");
}

function walk(step) {
  const links = [...document.querySelectorAll(".rows .what a, [data-row]")].filter((one) => one.offsetParent !== null);
  if (!links.length) return;
  const at = links.indexOf(document.activeElement);
  links[Math.max(0, Math.min(links.length - 1, at < 0 ? 0 : at + step))].focus();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  const isGoing = Date.now() - going < 1200;
  going = 0;
  if (isGoing && WAYS[event.key]) location.assign(WAYS[event.key]);
  else if (event.key === "g") going = Date.now();
  else if (event.key === "/") document.querySelector("[data-find]")?.focus();
  else if (event.key === "j") walk(1);
  else if (event.key === "k") walk(-1);
  else if (event.key === "?") document.getElementById("keys")?.showModal?.();
  else return;
  event.preventDefault();
});
