import { Answer } from "./host";
import { Json } from "./json";
import { nowMs } from "./wasi";

/** One invocation beside its event: what Lambda's context objects have. */
export class Context {
  private parsed: Json | null = null;
  errorType_: string = "";
  errorMessage_: string = "";

  /** @param text JSON, as section 3 of the ABI has it; it is read when it is needed. */
  constructor(private text: Uint8Array) {}

  /** All of it. */
  get json(): Json {
    const parsed = this.parsed;
    if (parsed !== null) return parsed;
    const read = Json.read(this.text);
    const json = read === null ? new Json() : read;
    this.parsed = json;
    return json;
  }

  get requestId(): string { return this.json.get("requestId").string(); }
  /** Milliseconds since 1970. */
  get deadlineMs(): i64 { return decimal(this.json.get("deadlineMs")); }
  get functionName(): string { return this.json.get("functionName").string(); }
  get functionVersion(): string { return this.json.get("functionVersion").string(); }
  get invokedFunctionArn(): string { return this.json.get("invokedFunctionArn").string(); }
  get memoryLimitInMB(): i32 { return <i32>decimal(this.json.get("memoryLimitInMB")); }
  get logGroupName(): string { return this.json.get("logGroupName").string(); }
  get logStreamName(): string { return this.json.get("logStreamName").string(); }
  /** Empty where there is none. */
  get traceId(): string { return this.json.get("traceId").string(); }
  get clientContext(): Json { return this.json.get("clientContext"); }
  get identity(): Json { return this.json.get("identity"); }

  /** How long the invocation may still take, in milliseconds; at least 0. */
  get remainingMs(): i64 {
    return max<i64>(this.deadlineMs - nowMs(), 0);
  }

  /** Makes an error of the answer: `return context.fail("NotFound", "no such city")`. */
  fail(type: string, message: string): Json {
    this.errorType_ = type.length > 0 ? type : "Error";
    this.errorMessage_ = message;
    return new Json();
  }

  /** The same with the error of a call to the host. */
  pass(answer: Answer): Json {
    return this.fail(answer.errorType, answer.errorMessage);
  }
}

function decimal(text: Json): i64 {
  const digits = text.string();
  return digits.length > 0 ? I64.parseInt(digits) : 0;
}
