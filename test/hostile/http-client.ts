import { Agent, request } from "node:http";

export interface HttpAnswer {
  status: number;
  headers: NodeJS.Dict<string | string[]>;
  text: string;
}

export interface HttpCall {
  method: string;
  /** As it goes onto the wire: nothing is tidied. */
  path: string;
  headers?: Record<string, string>;
  body?: string;
}

/** Sends what it is told, byte by byte, over connections that are kept. */
export class HttpClient {
  readonly #url: URL;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 64 });

  constructor(url: string) {
    this.#url = new URL(url);
  }

  send({ method, path, headers = {}, body }: HttpCall): Promise<HttpAnswer> {
    return new Promise((resolve, reject) => {
      const { hostname, port } = this.#url;
      const length = body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) };
      const sent = request({
        ...{ agent: this.#agent, hostname, port, method, path },
        headers: { ...headers, ...length },
      });
      sent.once("error", reject);
      sent.once("response", (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (part: string) => (text += part));
        response.once("error", reject);
        response.once("end", () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text }),
        );
      });
      sent.end(body);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}
