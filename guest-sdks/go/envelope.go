package wasmfaas

import (
	"encoding/binary"
	"errors"
	"strings"
)

// The msgpack of request and answer envelopes, section 5 of the ABI.

var errEnvelope = errors.New("not a request envelope")

type request struct{ event, context []byte }

type reader struct{ left []byte }

func (r *reader) take(size uint64) ([]byte, error) {
	if size > uint64(len(r.left)) {
		return nil, errEnvelope
	}
	taken := r.left[:size]
	r.left = r.left[size:]
	return taken, nil
}

func (r *reader) number(width uint64) (value uint64, err error) {
	digits, err := r.take(width)
	for _, digit := range digits {
		value = value<<8 | uint64(digit)
	}
	return value, err
}

// widths has, from tag 0xC4 on, the bytes of the length that follows the tag; fixed the bytes
// beside that length.
var (
	widths = [...]uint64{1, 2, 4, 1, 2, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 4, 2, 4, 2, 4}
	fixed  = [...]uint64{0, 0, 0, 1, 1, 1, 4, 8, 1, 2, 4, 8, 1, 2, 4, 8, 2, 3, 5, 9, 17, 0, 0, 0, 0, 0, 0, 0}
)

// next takes one value without what is nested in it: inside counts the values that follow for that.
func (r *reader) next() (tag byte, payload []byte, inside uint64, err error) {
	first, err := r.take(1)
	if err != nil {
		return 0, nil, 0, err
	}
	tag = first[0]
	var length, beside uint64
	switch {
	case tag >= 0x80 && tag < 0xA0:
		length = uint64(tag & 0x0F)
	case tag >= 0xA0 && tag < 0xC0:
		length = uint64(tag & 0x1F)
	case tag >= 0xC4 && tag < 0xE0:
		beside = fixed[tag-0xC4]
		if length, err = r.number(widths[tag-0xC4]); err != nil {
			return 0, nil, 0, err
		}
	}
	switch {
	case isMap(tag):
		inside, length = 2*length, 0
	case tag&0xF0 == 0x90 || tag == 0xDC || tag == 0xDD:
		inside, length = length, 0
	}
	payload, err = r.take(length + beside)
	return tag, payload, inside, err
}

func isMap(tag byte) bool { return tag&0xF0 == 0x80 || tag == 0xDE || tag == 0xDF }

// readRequest skips keys that we do not know.
func readRequest(data []byte) (request, error) {
	var found request
	r := reader{data}
	tag, _, members, err := r.next()
	if err != nil || !isMap(tag) {
		return found, errEnvelope
	}
	for ; members > 0; members -= 2 {
		_, key, nested, err := r.next()
		if err != nil || nested > 0 {
			return found, errEnvelope
		}
		_, value, inside, err := r.next()
		for ; inside > 0 && err == nil; inside-- {
			var more uint64
			_, _, more, err = r.next()
			inside += more
		}
		if err != nil {
			return found, errEnvelope
		}
		switch string(key) {
		case "event":
			found.event = value
		case "context":
			found.context = value
		}
	}
	if len(r.left) > 0 || found.event == nil || found.context == nil {
		return found, errEnvelope
	}
	return found, nil
}

func success(answer []byte) []byte {
	envelope := make([]byte, 0, len(answer)+9)
	envelope = append(envelope, "\x81\xA2ok\xC6"...)
	envelope = binary.BigEndian.AppendUint32(envelope, uint32(len(answer)))
	return append(envelope, answer...)
}

func failure(err *Error) []byte {
	envelope := []byte("\x81\xA5error\x83\xA9errorType")
	envelope = text(envelope, err.Type)
	envelope = text(append(envelope, "\xACerrorMessage"...), err.Message)
	envelope = append(envelope, "\xAAstackTrace\xDD"...)
	envelope = binary.BigEndian.AppendUint32(envelope, uint32(len(err.StackTrace)))
	for _, line := range err.StackTrace {
		envelope = text(envelope, line)
	}
	return envelope
}

func text(envelope []byte, value string) []byte {
	value = strings.ToValidUTF8(value, "\uFFFD")
	envelope = binary.BigEndian.AppendUint32(append(envelope, 0xDB), uint32(len(value)))
	return append(envelope, value...)
}
