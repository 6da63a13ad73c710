// Renews the view every second while the page is looked at.
"use strict";
async function renew() {
  if (!document.hidden && !String(window.getSelection())) {
    try {
      const answer = await fetch("/view");
      if (answer.ok) document.getElementById("view").innerHTML = await answer.text();
      document.body.style.opacity = "";
    } catch {
      document.body.style.opacity = "0.5"; // the monitor does not answer
    }
  }
  setTimeout(renew, 1000);
}
setTimeout(renew, 1000);
