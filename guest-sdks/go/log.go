package wasmfaas

import (
	"context"
	"log/slog"
	"os"
	"strings"
)

// lines writes records of log/slog as lines of the function's log: [INFO] message key=value.
type lines struct {
	least slog.Level
	// What groups and attributes were added, in slog's own words.
	with func(slog.Handler) slog.Handler
}

func (l lines) Enabled(_ context.Context, level slog.Level) bool { return level >= l.least }

func (l lines) WithAttrs(attributes []slog.Attr) slog.Handler {
	return lines{l.least, func(h slog.Handler) slog.Handler { return l.with(h).WithAttrs(attributes) }}
}

func (l lines) WithGroup(name string) slog.Handler {
	return lines{l.least, func(h slog.Handler) slog.Handler { return l.with(h).WithGroup(name) }}
}

func (l lines) Handle(ctx context.Context, record slog.Record) error {
	var attributes strings.Builder
	options := &slog.HandlerOptions{Level: l.least, ReplaceAttr: withoutHead}
	if err := l.with(slog.NewTextHandler(&attributes, options)).Handle(ctx, record); err != nil {
		return err
	}
	line := "[" + record.Level.String() + "] " + record.Message
	if more := strings.TrimSuffix(attributes.String(), "\n"); more != "" {
		line += " " + more
	}
	_, err := os.Stderr.WriteString(line + "\n")
	return err
}

// withoutHead leaves out what is said elsewhere.
func withoutHead(groups []string, attribute slog.Attr) slog.Attr {
	switch attribute.Key {
	case slog.TimeKey, slog.LevelKey, slog.MessageKey:
		if len(groups) == 0 {
			return slog.Attr{}
		}
	}
	return attribute
}

const (
	levelTrace = slog.LevelDebug - 4
	levelFatal = slog.LevelError + 4
)

func leastLevel(name string) slog.Level {
	levels := map[string]slog.Level{
		"TRACE": levelTrace, "DEBUG": slog.LevelDebug, "WARN": slog.LevelWarn,
		"ERROR": slog.LevelError, "FATAL": levelFatal,
	}
	return levels[name] // INFO is 0
}

// NewLogHandler writes records from a level on to the function's log. The functions of a wasmfaas
// log with it by default, from the level of the variable AWS_LAMBDA_LOG_LEVEL on, else INFO.
func NewLogHandler(least slog.Level) slog.Handler {
	return lines{least, func(h slog.Handler) slog.Handler { return h }}
}
