// Questions that go to servers elsewhere: good ones, slow ones, dead ones and liars.

import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect } from "node:net";
import { decode, encode, RECURSION_AVAILABLE, TRUNCATED_RESPONSE } from "dns-packet";
import { describe, expect, test } from "vitest";
import { openNamespace } from "../../../lib/index.ts";
import type { NameServer } from "../../../lib/inside/dns-exchange.ts";
import { Forwarder, type ForwarderOptions } from "../../../lib/network/dns/forward.ts";
import { Zone } from "../../../lib/network/dns/zone.ts";
import { frame } from "../../../lib/values/dns-frames.ts";
import { outOfRange, wrongType } from "../../support/sandbox.ts";
import {
  type Behaviour,
  dig,
  type Elsewhere,
  type Lab,
  localhost,
  raiseLoopback,
  upstream,
  withElsewhere,
  withServer,
} from "./lab.ts";

raiseLoopback();

/** The answer to a question: one address, or a code instead. */
function answerTo(question: Buffer, data = "198.51.100.9", code = 0, flags = 0): Buffer {
  const { id, questions = [] } = decode(question);
  const [{ name } = { name: "." }] = questions;
  const answers = code === 0 ? [{ type: "A" as const, name, ttl: 30, data }] : [];
  const all = RECURSION_AVAILABLE | flags | code;
  return encode({ type: "response", id: id ?? 0, flags: all, questions, answers });
}

const good: Behaviour = (question, reply) => reply(answerTo(question));
const silent: Behaviour = () => {};
const failing: Behaviour = (question, reply) => reply(answerTo(question, "", 2));

/** Nobody waits for anything here: what is to happen does, whatever the machine is busy with. */
const patient = { timeoutMs: 60_000, retryMs: 60_000, headStartMs: 60_000 };

/** A server with several servers elsewhere, which behave so. */
async function withUpstreams(
  behaviours: readonly Behaviour[],
  test: (lab: Lab, elsewhere: readonly Elsewhere[]) => Promise<void>,
  options: ForwarderOptions = patient,
): Promise<void> {
  const open: Elsewhere[] = [];
  const next = async (): Promise<void> => {
    const behaviour = behaviours[open.length];
    if (behaviour !== undefined) {
      return await withElsewhere(behaviour, async (one) => {
        open.push(one);
        await next();
      });
    }
    await withServer(
      async (lab) => {
        lab.forwarder.setUpstreams(open.map(({ port }) => upstream(port)));
        await test(lab, open);
      },
      {},
      options,
    );
  };
  await next();
}

describe("a name that is not the sandbox's", () => {
  test("is asked for elsewhere, as it was asked", () =>
    withUpstreams([good], async ({ port }, [elsewhere]) => {
      const dug = await dig(port, "Example.ORG", "+subnet=10.1.2.0/24", "+norecurse");
      expect(dug).toMatchObject({ status: "NOERROR", data: ["198.51.100.9"] });
      const question = decode(elsewhere?.questions[0] ?? Buffer.alloc(0));
      expect(question).toMatchObject({ flag_rd: false, questions: [{ name: "Example.ORG" }] });
      expect(JSON.stringify(question.additionals)).toContain("CLIENT_SUBNET");
    }));

  test("may be of any type, and of one label", () =>
    withUpstreams([good], async ({ port }, [elsewhere]) => {
      for (const [name, type] of [
        ["example.org", "TXT"],
        ["single", "A"],
        ["1.0.18.172.in-addr.arpa", "PTR"],
        ["example.org", "TYPE65"],
      ] as const) {
        expect(await dig(port, name, type)).toMatchObject({ status: "NOERROR" });
      }
      expect(elsewhere?.questions).toHaveLength(4);
    }));

  test("and only that: its own names leave with types alone that it has not", () =>
    withUpstreams([good], async ({ view, port }, [elsewhere]) => {
      const zone = new Zone("backend");
      zone.add({ name: "web", addresses: ["172.18.0.2"] });
      view.add(zone);
      for (const type of ["A", "AAAA", "MX"]) {
        await dig(port, "web", type, "+notcp");
        await dig(port, "web.backend", type, "+tcp");
      }
      await dig(port, "-x", "172.18.0.2");
      expect(elsewhere?.questions).toEqual([]);
      const others = ["TXT", "SRV", "CNAME", "ANY", "TYPE65", "PTR"] as const;
      for (const type of others) {
        expect(await dig(port, "web", type, "+notcp")).toMatchObject({ status: "NOERROR" });
      }
      const asked = elsewhere?.questions.map((question) => decode(question).questions?.[0]);
      expect(asked?.map((question) => question?.name)).toEqual(others.map(() => "web"));
    }));

  test("by TCP is asked for by TCP", () =>
    withUpstreams(
      [(question, reply, transport) => transport === "tcp" && reply(answerTo(question))],
      async ({ port }, [elsewhere]) => {
        expect((await dig(port, "example.org", "+tcp")).data).toEqual(["198.51.100.9"]);
        expect(elsewhere?.connections).toHaveLength(1);
      },
    ));

  test("that has too long an answer for UDP is found by TCP", () =>
    withUpstreams(
      [
        (question, reply, transport) =>
          reply(
            answerTo(question, "198.51.100.9", 0, transport === "udp" ? TRUNCATED_RESPONSE : 0),
          ),
      ],
      async ({ port }) => {
        const cut = await dig(port, "example.org", "+ignore");
        expect(cut.flags).toBe("qr tc ra");
        const whole = await dig(port, "example.org");
        expect(whole).toMatchObject({ flags: "qr ra", data: ["198.51.100.9"] });
      },
    ));

  test("is cut if the server elsewhere gives more than the asker can take", () =>
    withUpstreams(
      [
        (question, reply) => {
          const { id, questions } = decode(question);
          const data = ["x".repeat(255), "y".repeat(255), "z".repeat(255)];
          const answers = [{ type: "TXT" as const, name: "example.org", data }];
          reply(encode({ type: "response", id: id ?? 0, questions: questions ?? [], answers }));
        },
      ],
      async ({ port }) => {
        const cut = await dig(port, "example.org", "TXT", "+noedns", "+ignore");
        expect(cut).toMatchObject({ answers: [], flags: expect.stringContaining("tc") });
        expect((await dig(port, "example.org", "TXT", "+noedns")).answers).toHaveLength(1);
      },
    ));

  test.for([
    ["NXDOMAIN", 3],
    ["FORMERR", 1],
    ["NOTIMP", 4],
  ] as const)("may be answered with %s", ([status, code]) =>
    withUpstreams([(question, reply) => reply(answerTo(question, "", code))], async ({ port }) => {
      expect(await dig(port, "example.org", "+noednsneg")).toMatchObject({ status });
    }),
  );

  test.for([
    ["SERVFAIL", 2],
    ["REFUSED", 5],
  ] as const)("fails if all say %s", ([, code]) => {
    const refusing: Behaviour = (question, reply) => reply(answerTo(question, "", code));
    return withUpstreams([refusing, refusing], async ({ port }, all) => {
      expect(await dig(port, "example.org")).toMatchObject({ status: "SERVFAIL", flags: "qr rd" });
      expect(all.map(({ questions }) => questions.length)).toEqual([1, 1]);
    });
  });

  test("fails at once if nobody may be asked, and nothing is sent", () =>
    withUpstreams([good], async ({ forwarder, port }, [elsewhere]) => {
      forwarder.setUpstreams([]);
      for (const way of ["+tcp", "+notcp"]) {
        expect(await dig(port, "example.org", way)).toMatchObject({ status: "SERVFAIL" });
      }
      expect(elsewhere?.questions).toEqual([]);
      expect(elsewhere?.connections).toEqual([]);
    }));
});

describe("of several servers", () => {
  test("the first is asked alone while it answers", () =>
    withUpstreams([good, good], async ({ port }, all) => {
      for (let n = 0; n < 3; n += 1) await dig(port, `n${n}.example.org`);
      expect(all.map(({ questions }) => questions.length)).toEqual([3, 0]);
    }));

  test("the next is asked when one fails, or there is none", () =>
    withUpstreams([failing, good], async ({ forwarder, port }, [first, second]) => {
      expect((await dig(port, "example.org")).data).toEqual(["198.51.100.9"]);
      // Nobody listens at port 1: the kernel says so.
      forwarder.setUpstreams([upstream(1), upstream(second?.port ?? 0)]);
      expect((await dig(port, "example.org")).data).toEqual(["198.51.100.9"]);
      expect((await dig(port, "example.org", "+tcp")).data).toEqual(["198.51.100.9"]);
      expect(first?.questions).toHaveLength(1);
    }));

  test("the next is asked too when one is silent, which is asked last from then on", () => {
    const asked: string[] = [];
    const named = (name: string, behaviour: Behaviour): Behaviour => {
      return (question, ...more) => {
        asked.push(`${name} ${decode(question).questions?.[0]?.name}`);
        behaviour(question, ...more);
      };
    };
    return withUpstreams(
      [named("silent", silent), named("good", good)],
      async ({ port }) => {
        expect((await dig(port, "one.example.org")).data).toEqual(["198.51.100.9"]);
        expect((await dig(port, "two.example.org")).data).toEqual(["198.51.100.9"]);
        // On a busy machine the silent one may be asked again, behind the other.
        expect(asked.slice(0, 2)).toEqual(["silent one.example.org", "good one.example.org"]);
        expect(asked.find((each) => each.endsWith(" two.example.org"))).toMatch(/^good /);
      },
      { ...patient, headStartMs: 50 },
    );
  });

  test("a slow one may still win", () => {
    const waiting: (() => void)[] = [];
    return withUpstreams(
      [
        (question, reply) => waiting.push(() => reply(answerTo(question))),
        () => {
          for (const reply of waiting) reply();
        },
      ],
      async ({ port }, all) => {
        expect((await dig(port, "one.example.org")).data).toEqual(["198.51.100.9"]);
        expect(all.map(({ questions }) => questions.length)).toEqual([1, 1]);
      },
      { ...patient, headStartMs: 20 },
    );
  });

  test("a fourth is not asked", () =>
    withUpstreams([failing, failing, failing, good], async ({ port }, all) => {
      expect(await dig(port, "example.org")).toMatchObject({ status: "SERVFAIL" });
      expect(all.map(({ questions }) => questions.length)).toEqual([1, 1, 1, 0]);
    }));
});

describe("a server elsewhere that", () => {
  test("misses a question is asked again", () => {
    let seen = 0;
    return withUpstreams(
      [(question, reply) => ++seen > 2 && reply(answerTo(question))],
      async ({ port }, [elsewhere]) => {
        expect((await dig(port, "example.org")).data).toEqual(["198.51.100.9"]);
        expect(new Set(elsewhere?.senders.map((sender) => sender.port)).size).toBe(1);
      },
      { ...patient, retryMs: 20 },
    );
  });

  test("never answers is given up", () =>
    withUpstreams(
      [silent, silent],
      async ({ port }) => {
        expect(await dig(port, "example.org")).toMatchObject({ status: "SERVFAIL" });
        expect(await dig(port, "example.org", "+tcp")).toMatchObject({ status: "SERVFAIL" });
      },
      { timeoutMs: 150, retryMs: 20, headStartMs: 20 },
    ));

  test("lies is not believed, and its true answer is", () => {
    const flip = (bytes: Buffer, at: number, bits: number) => {
      const copy = Buffer.from(bytes);
      copy[at] = (copy[at] ?? 0) ^ bits;
      return copy;
    };
    return withUpstreams(
      [
        (question, reply, transport) => {
          const lie = answerTo(question, "203.0.113.66");
          const end = question.length;
          reply(flip(lie, 0, 1)); // another id
          reply(flip(lie, 2, 0x80)); // a question
          reply(flip(lie, 2, 0x08)); // another opcode
          reply(flip(lie, 13, 1)); // another name
          reply(flip(lie, end - 3, 1)); // another type
          reply(flip(lie, end - 1, 2)); // another class
          reply(flip(lie, 5, 3)); // two questions
          reply(lie.subarray(0, 11));
          reply(lie.subarray(0, 20));
          if (transport === "udp") reply(Buffer.alloc(0));
          reply(answerTo(question));
        },
      ],
      async ({ port }) => {
        expect((await dig(port, "example.org", "+noedns")).data).toEqual(["198.51.100.9"]);
        expect((await dig(port, "example.org", "+noedns", "+tcp")).data).toEqual(["198.51.100.9"]);
      },
    );
  });

  test("is another than the one asked is not heard", async () => {
    const liar = createSocket("udp4").bind(0, localhost);
    await once(liar, "listening");
    const behaviour: Behaviour = (question, reply) => {
      const { port: to } = all?.[0]?.senders.at(-1) ?? { port: 0 };
      liar.send(answerTo(question, "203.0.113.66"), to, localhost, () => reply(answerTo(question)));
    };
    let all: readonly Elsewhere[] | undefined;
    await withUpstreams([behaviour], async ({ port }, elsewhere) => {
      all = elsewhere;
      expect((await dig(port, "example.org")).data).toEqual(["198.51.100.9"]);
    });
    liar.close();
  });

  test("cannot read the question need not repeat it", () =>
    withUpstreams(
      [
        (question, reply) =>
          reply(Buffer.from([...question.subarray(0, 2), 0x80, 1, ...new Array(8).fill(0)])),
      ],
      async ({ port }) => {
        expect(await dig(port, "example.org", "+noedns")).toMatchObject({ status: "FORMERR" });
      },
    ));

  test("answers in other letters is understood", () =>
    withUpstreams(
      [
        (question, reply) => {
          const answer = answerTo(question);
          reply(Buffer.from(answer.toString("latin1").replace("eXaMpLe", "example"), "latin1"));
        },
      ],
      async ({ port }) => {
        expect((await dig(port, "eXaMpLe.org")).data).toEqual(["198.51.100.9"]);
      },
    ));

  test.for([
    ["closes the connection", (elsewhere: Elsewhere) => elsewhere.connections.at(-1)?.end()],
    ["resets it", (elsewhere: Elsewhere) => elsewhere.connections.at(-1)?.resetAndDestroy()],
    [
      "sends an empty message",
      (elsewhere: Elsewhere) => elsewhere.connections.at(-1)?.write("\0\0"),
    ],
  ] as const)("%s has failed", ([, act]) => {
    let all: readonly Elsewhere[] = [];
    return withUpstreams([() => all.forEach(act)], async ({ port }, elsewhere) => {
      all = elsewhere;
      expect(await dig(port, "example.org", "+tcp")).toMatchObject({ status: "SERVFAIL" });
    });
  });
});

describe("questions", () => {
  test("leave from ports and with ids that nobody can guess", () =>
    withUpstreams([good], async ({ port }, [elsewhere]) => {
      // By one socket: those of several digs may have a port in common (SO_REUSEPORT).
      const client = createSocket("udp4");
      let answers = 0;
      client.on("message", () => {
        answers += 1;
      });
      for (let id = 0; id < 40; id += 1) {
        const questions = [{ name: `n${id}.example.org`, type: "A" as const }];
        client.send(encode({ type: "query", id, questions }), port, localhost);
      }
      await expect.poll(() => answers).toBe(40);
      client.close();
      expect(new Set(elsewhere?.senders.map((sender) => sender.port)).size).toBeGreaterThan(35);
      const ids = elsewhere?.questions.map((question) => question.readUInt16BE(0)) ?? [];
      expect(new Set(ids).size).toBeGreaterThan(35);
      const steps = ids.map((id, n) => id - (ids[n - 1] ?? 0));
      expect(new Set(steps).size).toBeGreaterThan(30);
    }));

  test("that are equal are sent once, and each asker gets its own id", () => {
    const replies: (() => void)[] = [];
    return withUpstreams(
      [(question, reply) => replies.push(() => reply(answerTo(question)))],
      async ({ port }, [elsewhere]) => {
        const clients = [11, 12, 13].map((id) => ({ id, socket: createSocket("udp4") }));
        const answers = clients.map(async ({ id, socket }) => {
          const questions = [{ name: "example.org", type: "A" as const }];
          socket.send(encode({ type: "query", id, questions }), port, localhost);
          const [answer] = await once(socket, "message");
          socket.close();
          return decode(answer);
        });
        // One that differs, behind them: when it has come, they have.
        const other = dig(port, "other.example.org");
        await expect.poll(() => elsewhere?.questions.length).toBe(2);
        for (const reply of replies) reply();
        await other;
        const settled = await Promise.all(answers);
        expect(settled.map(({ id }) => id)).toEqual([11, 12, 13]);
        expect(settled.every(({ answers }) => answers?.length === 1)).toBe(true);
        expect(elsewhere?.questions).toHaveLength(2);
      },
    );
  });

  test("are no more at one time than may be", () => {
    const replies: (() => void)[] = [];
    return withUpstreams(
      [(question, reply) => replies.push(() => reply(answerTo(question)))],
      async ({ port }, [elsewhere]) => {
        const waiting = [1, 2].map((n) => dig(port, `n${n}.example.org`));
        await expect.poll(() => elsewhere?.questions.length).toBe(2);
        // Joined ones count as well.
        expect(await dig(port, "n3.example.org")).toMatchObject({ status: "SERVFAIL" });
        expect(await dig(port, "n1.example.org")).toMatchObject({ status: "SERVFAIL" });
        for (const reply of replies) reply();
        for (const dug of await Promise.all(waiting)) expect(dug.data).toEqual(["198.51.100.9"]);
        const later = dig(port, "n4.example.org");
        await expect.poll(() => elsewhere?.questions.length).toBe(3);
        replies.at(-1)?.();
        expect((await later).data).toEqual(["198.51.100.9"]);
      },
      { ...patient, maxInFlight: 2 },
    );
  });

  test("overtake one another on a connection", () => {
    const replies: (() => void)[] = [];
    return withUpstreams(
      [
        (question, reply) => {
          if (decode(question).questions?.[0]?.name !== "slow.example.org")
            return reply(answerTo(question));
          replies.push(() => reply(answerTo(question)));
        },
      ],
      async ({ port }) => {
        const client = connect({ port, host: localhost });
        const ask = (id: number, name: string) =>
          client.write(frame(encode({ type: "query", id, questions: [{ name, type: "A" }] })));
        ask(1, "slow.example.org");
        ask(2, "fast.example.org");
        const [first] = await once(client, "data");
        expect(decode(first.subarray(2)).id).toBe(2);
        for (const reply of replies) reply();
        const [second] = await once(client, "data");
        expect(decode(second.subarray(2)).id).toBe(1);
        client.destroy();
      },
    );
  });

  test("that wait are given up when nobody may be asked any more", () =>
    withUpstreams([silent], async ({ forwarder, port }, [elsewhere]) => {
      const waiting = dig(port, "example.org");
      await expect.poll(() => elsewhere?.questions.length).toBe(1);
      forwarder.setUpstreams([]);
      expect(await waiting).toMatchObject({ status: "SERVFAIL" });
    }));

  test("that wait are given up when the server is closed", () =>
    withUpstreams([silent], async ({ server, port }, [elsewhere]) => {
      const client = createSocket("udp4");
      const questions = [{ name: "example.org", type: "A" as const }];
      client.send(encode({ type: "query", questions }), port, localhost);
      await expect.poll(() => elsewhere?.questions.length).toBe(1);
      await server.close();
      client.close();
    }));
});

describe("a forwarder", () => {
  test("asks the next server if sockets for the first cannot be had", () =>
    withUpstreams([good], async ({ forwarder, port }, [elsewhere]) => {
      const namespace = await openNamespace();
      await namespace.close();
      const gone = { ...upstream(1), namespace };
      for (const way of ["+tcp", "+notcp"]) {
        forwarder.setUpstreams([gone, upstream(elsewhere?.port ?? 0)]);
        expect((await dig(port, "example.org", way)).data).toEqual(["198.51.100.9"]);
        forwarder.setUpstreams([gone]);
        expect(await dig(port, "example.org", way)).toMatchObject({ status: "SERVFAIL" });
      }
    }));

  test.for(["timeoutMs", "retryMs", "headStartMs", "maxInFlight"])("refuses a wrong %s", (name) => {
    for (const value of [0, -1, 1.5, Number.NaN, 1e9, "5"]) {
      try {
        new Forwarder({ [name]: value });
        expect.unreachable();
      } catch (error) {
        expect(error).toMatchObject(outOfRange(name));
      }
    }
  });

  test("refuses servers that it cannot ask, and keeps those it has", () =>
    withUpstreams([good], async ({ forwarder, port }) => {
      const refused = (...upstreams: unknown[]) => {
        try {
          forwarder.setUpstreams(upstreams as NameServer[]);
        } catch (error) {
          return error;
        }
        return undefined;
      };
      const fine = upstream(53);
      const named = { ...fine, address: "dns.example.org" };
      expect(refused(fine, named)).toMatchObject(outOfRange("upstreams[1].address"));
      expect(refused({ ...fine, port: 0 })).toMatchObject(outOfRange("upstreams[0].port"));
      expect(refused({ ...fine, host: "a" })).toMatchObject(wrongType("upstreams[0].host"));
      const nowhere = { address: localhost, port: 53 };
      expect(refused(nowhere)).toMatchObject(wrongType("upstreams[0].namespace"));
      expect((await dig(port, "example.org")).data).toEqual(["198.51.100.9"]);
    }));

  test("refuses what it does not know", () => {
    const unknown = { timeout: 5 } as ForwarderOptions;
    expect(() => new Forwarder(unknown)).toThrow(expect.objectContaining(wrongType("timeout")));
  });
});
