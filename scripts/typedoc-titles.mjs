// Has the reference call the guides by their headings, not by the names of their files.

import { Converter } from "typedoc";

/** @param {import("typedoc").Application} application */
export function load({ converter }) {
  converter.on(Converter.EVENT_CREATE_DOCUMENT, (_, document) => {
    const text = document.content.map((part) => part.text).join("");
    const [heading = "", title] = /^# (.+)\n/.exec(text) ?? [];
    if (title === undefined) return;
    document.name = title.replaceAll("`", "");
    // The page has its name above it: the heading, which can be of several parts, goes.
    let left = heading.length;
    for (const part of document.content) {
      const gone = Math.min(left, part.text.length);
      part.text = part.text.slice(gone);
      left -= gone;
    }
  });
}
