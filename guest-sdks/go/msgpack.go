package wasmfaas

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"
)

// What asks the host for something and what it answers, section 12 of the ABI, in msgpack.

// packed appends value, which Call says the types of.
func packed(data []byte, value any) ([]byte, error) {
	switch value := value.(type) {
	case nil:
		return append(data, 0xC0), nil
	case bool:
		if value {
			return append(data, 0xC3), nil
		}
		return append(data, 0xC2), nil
	case int:
		return packed(data, int64(value))
	case int64:
		return binary.BigEndian.AppendUint64(append(data, 0xD3), uint64(value)), nil
	case string:
		value = strings.ToValidUTF8(value, "\uFFFD")
		return append(sized(data, 0xDB, len(value)), value...), nil
	case []byte:
		return append(sized(data, 0xC6, len(value)), value...), nil
	case []any:
		data = sized(data, 0xDD, len(value))
		for _, item := range value {
			var err error
			if data, err = packed(data, item); err != nil {
				return nil, err
			}
		}
		return data, nil
	case map[string]any:
		data = sized(data, 0xDF, len(value))
		for name, member := range value {
			var err error
			data, _ = packed(data, name)
			if data, err = packed(data, member); err != nil {
				return nil, err
			}
		}
		return data, nil
	}
	return nil, &Error{Type: "InvalidRequest", Message: fmt.Sprintf("a request cannot hold a %T", value)}
}

func sized(data []byte, tag byte, size int) []byte {
	return binary.BigEndian.AppendUint32(append(data, tag), uint32(size))
}

const depthMax = 32

// unpack takes one value: nil, bool, int64, float64, string, []byte, []any or map[string]any.
func (r *reader) unpack(depth int) (any, error) {
	tag, payload, inside, err := r.next()
	if err != nil || depth > depthMax {
		return nil, errEnvelope
	}
	switch {
	case tag < 0x80 || tag >= 0xE0:
		return int64(int8(tag)), nil
	case isMap(tag):
		return r.members(inside/2, depth)
	case tag&0xF0 == 0x90 || tag == 0xDC || tag == 0xDD:
		return r.items(inside, depth)
	case tag == 0xC2 || tag == 0xC3:
		return tag == 0xC3, nil
	case tag >= 0xC4 && tag <= 0xC6:
		return payload, nil
	case tag&0xE0 == 0xA0 || tag >= 0xD9 && tag <= 0xDB:
		return string(payload), nil
	}
	return numeral(tag, payload), nil
}

// numeral is a number; nil for what is none.
func numeral(tag byte, payload []byte) any {
	var bits uint64
	for _, digit := range payload {
		bits = bits<<8 | uint64(digit)
	}
	unused := 64 - 8*len(payload)
	switch {
	case tag == 0xCA:
		return float64(math.Float32frombits(uint32(bits)))
	case tag == 0xCB:
		return math.Float64frombits(bits)
	case tag >= 0xCC && tag <= 0xCF:
		return int64(bits)
	case tag >= 0xD0 && tag <= 0xD3:
		return int64(bits<<unused) >> unused
	}
	return nil
}

func (r *reader) items(count uint64, depth int) (any, error) {
	items := []any{}
	for ; count > 0; count-- {
		item, err := r.unpack(depth + 1)
		if err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	return items, nil
}

func (r *reader) members(count uint64, depth int) (any, error) {
	members := map[string]any{}
	for ; count > 0; count-- {
		name, err := r.unpack(depth + 1)
		if err != nil {
			return nil, err
		}
		member, err := r.unpack(depth + 1)
		if err != nil {
			return nil, err
		}
		if name, ok := name.(string); ok {
			members[name] = member
		}
	}
	return members, nil
}
