import { Answer } from "./host";
import { Json } from "./json";
import { nowMs } from "./wasi";

/** One invocation beside its event: what Lambda's context objects have. */
export class Context {
  readonly requestId: string;
  /** Milliseconds since 1970. */
  readonly deadlineMs: i64;
  readonly functionName: string;
  readonly functionVersion: string;
  readonly invokedFunctionArn: string;
  readonly memoryLimitInMB: i32;
  readonly logGroupName: string;
  readonly logStreamName: string;
  /** Empty where there is none. */
  readonly traceId: string;
  readonly clientContext: Json;
  readonly identity: Json;
  errorType_: string = "";
  errorMessage_: string = "";

  /** @param json all of it, as section 3 of the ABI has it. */
  constructor(readonly json: Json) {
    this.requestId = json.get("requestId").string();
    this.deadlineMs = decimal(json.get("deadlineMs"));
    this.functionName = json.get("functionName").string();
    this.functionVersion = json.get("functionVersion").string();
    this.invokedFunctionArn = json.get("invokedFunctionArn").string();
    this.memoryLimitInMB = <i32>decimal(json.get("memoryLimitInMB"));
    this.logGroupName = json.get("logGroupName").string();
    this.logStreamName = json.get("logStreamName").string();
    this.traceId = json.get("traceId").string();
    this.clientContext = json.get("clientContext");
    this.identity = json.get("identity");
  }

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
