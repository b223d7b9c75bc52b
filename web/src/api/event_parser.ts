// Pure: server-sent events out of the pieces of text in which they come.

export interface ServerEvent {
  type: string;
  data: string;
}

export class EventParser {
  private rest = "";

  /** The events that this piece completes. Comments and ids are passed over. */
  feed(piece: string): ServerEvent[] {
    const blocks = (this.rest + piece).split("\n\n");
    this.rest = blocks.pop() ?? "";
    return blocks.flatMap((block) => {
      const event = { type: "message", data: "" };
      for (const line of block.split("\n")) {
        const colon = line.indexOf(":");
        const value = line.slice(colon + 1).replace(/^ /, "");
        if (line.startsWith("event:")) event.type = value;
        if (line.startsWith("data:")) event.data += event.data ? `\n${value}` : value;
      }
      return event.data ? [event] : [];
    });
  }
}
