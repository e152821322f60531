"use strict";
// Blocks of texts: in the page or in the folder beside it, inflated when one of their items is asked for.

const BLOCKS_KEPT = 24; // inflated ones
const WAIT_AFTER_LOAD = 500; // milliseconds: a block says its texts before it has loaded

class TextsError extends Error {}

async function inflate(base64) {
  if (!("DecompressionStream" in window)) {
    throw new TextsError(
      "This browser cannot inflate the texts: Chrome 80, Firefox 113 and Safari 16.4 can.",
    );
  }
  const inflated = new Blob([decodeBase64(base64)])
    .stream()
    .pipeThrough(new DecompressionStream("deflate"));
  return new Response(inflated).text();
}

function decodeBase64(base64) {
  const binary = atob(base64);
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < binary.length; at += 1) bytes[at] = binary.charCodeAt(at);
  return bytes;
}

async function digest(text) {
  const hash = new Uint8Array(
    await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)),
  );
  return btoa(String.fromCharCode(...hash));
}

// Reads items of a kind, answers or prompts, by their numbers.
class BlockReader {
  // written: of each block the number of its first item, and its digest
  constructor(kind, written, folder) {
    this.kind = kind;
    this.written = written;
    this.folder = folder;
    this.kept = new Map();
  }

  async readItem(number) {
    const block = this.findBlock(number);
    const items = await this.readBlock(block);
    return items[number - this.written[block][0]];
  }

  findBlock(number) {
    let [low, high] = [0, this.written.length - 1];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (this.written[middle][0] <= number) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  readBlock(block) {
    const kept = this.kept.get(block) ?? this.inflateBlock(block);
    this.kept.delete(block);
    this.kept.set(block, kept);
    kept.catch(() => this.kept.delete(block));
    if (this.kept.size > BLOCKS_KEPT) this.kept.delete(this.kept.keys().next().value);
    return kept;
  }

  async inflateBlock(block) {
    const name = `${this.kind}-${block}`;
    const texts = this.folder
      ? await this.readFromFolder(name, this.written[block][1])
      : document.getElementById(`block-${name}`).textContent;
    return JSON.parse(await inflate(texts));
  }

  async readFromFolder(name, expected) {
    const where = `“${decode(this.folder)}”`;
    const texts = await readInFrame(`${this.folder}/${name}.html`);
    if (texts === null) {
      throw new TextsError(
        `The texts are not here: the folder ${where} must stand beside this page, where both were written. The figures above do not need it.`,
      );
    }
    // A page that is not served over https or from this machine has no digests.
    if (crypto.subtle && (await digest(texts)) !== expected) {
      throw new TextsError(
        `The folder ${where} has other texts than this page was made with. Write both again.`,
      );
    }
    return texts;
  }
}

// Return what a block in the folder says, null where there is none. No other way is left to a page that
// is opened from disk: it may fetch nothing, and check no script. The frame may do nothing but speak.
function readInFrame(address) {
  return new Promise((resolve) => {
    const frame = makeNode("iframe", { sandbox: "allow-scripts", title: "texts", hidden: "" });
    const end = (texts) => {
      removeEventListener("message", hear);
      frame.remove();
      resolve(texts);
    };
    const hear = (event) => {
      if (event.source === frame.contentWindow) end(String(event.data?.texts));
    };
    addEventListener("message", hear);
    frame.addEventListener("load", () => setTimeout(end, WAIT_AFTER_LOAD, null));
    frame.src = address;
    document.body.append(frame);
  });
}
