#include "data_api/sql_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.h"
#include "data_api/harmless_calls.h"

namespace hunt::data_api {
namespace {

bool is_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool begins_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}
bool is_word(char c) {
  return begins_word(c) || is_digit(c);
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

template <std::size_t Count>
bool is_one_of(std::string_view word, const std::array<std::string_view, Count>& words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// What leaves nothing behind but rows, unless it calls a function that is not known to, or has one
// of the words below in it.
constexpr std::array<std::string_view, 8> plain_words = {"select", "insert", "update", "delete",
                                                         "merge",  "values", "with",   "table"};
constexpr std::array<std::string_view, 4> marking_words = {"pg_settings", "pg_temp", "temp",
                                                           "temporary"};
// A name with a parenthesis behind one of these is a table's or an alias with its columns.
constexpr std::array<std::string_view, 3> naming_words = {"into", "as", "with"};
// These say what the string right behind them is; any other word stands for itself.
constexpr std::array<std::string_view, 4> string_kinds = {"e", "b", "x", "n"};
constexpr std::array<std::string_view, 6> transaction_words = {"begin",    "start", "commit",
                                                               "rollback", "end",   "abort"};

class Reader {
 public:
  explicit Reader(std::string_view sql) : sql_(sql) {}

  Answer<SqlText> read() {
    while (at_ < sql_.size()) {
      if (!step()) return tl::unexpected<Refusal>(refusal_);
    }
    if (out_.first_word.empty() && words_.empty() && !has_token_) {
      return refuse(Failure::bad_request, "sql is empty");
    }
    find_out();
    return std::move(out_);
  }

 private:
  [[nodiscard]] char peek(std::size_t ahead = 0) const {
    return at_ + ahead < sql_.size() ? sql_[at_ + ahead] : '\0';
  }
  void copy(std::size_t count) {
    out_.text.append(sql_.substr(at_, count));
    at_ += count;
  }
  bool fail(Failure failure, std::string message) {
    refusal_ = {failure, std::move(message)};
    return false;
  }
  bool unended(std::string_view what) {
    return fail(Failure::bad_request, fmt::format("sql has {} without its end", what));
  }

  bool step() {
    const char c = peek();
    if (is_space(c)) return space();
    if (c == '-' && peek(1) == '-') return line_comment();
    if (c == '/' && peek(1) == '*') return block_comment();
    if (ended_) {
      if (c == ';') return ++at_, true;
      return fail(Failure::validation, "Multistatements aren't supported");
    }
    if (c == ';' && depth_ == 0 && !has_atomic_) return end_statement();
    has_token_ = true;
    if (c != '(' && c != '.' && c != '"' && !begins_word(c)) forget_name();
    if (c == '\'') return quoted('\'', false);
    if (c == '"') return quoted('"', false);
    if (c == '$') return dollar();
    if (c == ':') return colon();
    if (begins_word(c)) return word();
    if (is_digit(c)) return number();
    if (c == '(') called();
    if (c == '.') after_dot_ = true;
    if (c == '(' || c == '[') ++depth_;
    if ((c == ')' || c == ']') && depth_ > 0) --depth_;
    if (c == '[') ++brackets_;
    if (c == ']' && brackets_ > 0) --brackets_;
    after_operand_ = c == ')' || c == ']';
    return copy(1), true;
  }

  bool space() {
    after_operand_ = false;
    copy(1);
    return true;
  }

  bool end_statement() {
    if (!has_token_) return ++at_, true;  // an empty one before the first
    ended_ = true;
    return ++at_, true;
  }

  bool line_comment() {
    after_operand_ = false;
    copy(std::min(sql_.find_first_of("\r\n", at_), sql_.size()) - at_);
    return true;
  }

  bool block_comment() {
    after_operand_ = false;
    int nested = 0;
    do {
      if (at_ >= sql_.size()) return unended("a comment");
      if (peek() == '/' && peek(1) == '*') {
        ++nested;
        copy(2);
      } else if (peek() == '*' && peek(1) == '/') {
        --nested;
        copy(2);
      } else {
        copy(1);
      }
    } while (nested > 0);
    return true;
  }

  // Doubled quotes stay inside. With `escapes` a backslash takes the next character along, also
  // where the string goes on in another line.
  bool quoted(char quote, bool escapes) {
    const std::size_t from = at_ + 1;
    do {
      copy(1);
      for (;;) {
        if (at_ >= sql_.size()) return unended(quote == '"' ? "an identifier" : "a string");
        if (escapes && peek() == '\\') {
          if (at_ + 1 >= sql_.size()) return unended("a string");
          copy(2);
        } else if (peek() == quote && peek(1) == quote) {
          copy(2);
        } else if (peek() == quote) {
          break;
        } else {
          copy(1);
        }
      }
      copy(1);
    } while (escapes && goes_on());
    after_operand_ = true;
    if (quote == '"') look_at_name(sql_.substr(from, at_ - 1 - from));
    return true;
  }

  // Whether another part of the string follows: after white space with a line break in it.
  bool goes_on() {
    std::size_t ahead = 0;
    bool line = false;
    while (is_space(peek(ahead)) || (line && peek(ahead) == '-' && peek(ahead + 1) == '-')) {
      if (peek(ahead) == '-') {
        while (at_ + ahead < sql_.size() && peek(ahead) != '\n' && peek(ahead) != '\r') ++ahead;
        continue;
      }
      line = line || peek(ahead) == '\n' || peek(ahead) == '\r';
      ++ahead;
    }
    if (!line || peek(ahead) != '\'') return false;
    copy(ahead);
    return true;
  }

  bool dollar() {
    if (is_digit(peek(1))) {
      return fail(Failure::bad_request, "sql has a parameter by number ($1); name it, as in :name");
    }
    std::size_t length = 1;
    while (is_word(peek(length))) ++length;
    if (peek(length) != '$') return copy(1), true;
    ++length;
    const std::string_view tag = sql_.substr(at_, length);
    const auto end = sql_.find(tag, at_ + length);
    if (end == std::string_view::npos) return unended("a dollar quote");
    copy(end + length - at_);
    after_operand_ = true;
    return true;
  }

  bool colon() {
    if (peek(1) == ':' || peek(1) == '=') {
      after_operand_ = false;
      return copy(2), true;
    }
    // In "a[lo:hi]" it stands between two operands; a parameter never follows one.
    if (!begins_word(peek(1)) || (brackets_ > 0 && after_operand_)) {
      after_operand_ = false;
      return copy(1), true;
    }
    ++at_;
    std::size_t length = 0;
    while (is_word(peek(length))) ++length;
    const std::string name(sql_.substr(at_, length));
    at_ += length;
    const auto [known, fresh] = out_.places.emplace(name, out_.names.size());
    if (fresh) out_.names.push_back(name);
    out_.text += fmt::format("${}", known->second + 1);
    after_operand_ = true;
    // "$1" and "2" must not become "$12".
    if (is_word(peek())) out_.text.push_back(' ');
    return true;
  }

  bool word() {
    std::size_t length = 0;
    while (is_word(peek(length)) || peek(length) == '$') ++length;
    const std::string_view text = sql_.substr(at_, length);
    copy(length);
    after_operand_ = true;
    std::string small = lower(text);
    if (peek() == '\'' && is_one_of(small, string_kinds)) return quoted('\'', small == "e");
    // An identifier with escapes may be any name.
    if (small == "u" && peek() == '&' && peek(1) == '"') out_.marks_session = true;
    has_atomic_ = has_atomic_ || (small == "atomic" && !words_.empty() && words_.back() == "begin");
    if (out_.first_word.empty()) out_.first_word = small;
    look_at(small);
    take_name(small, small);
    if (words_.size() < words_kept) {
      words_.push_back(std::move(small));
    } else if (small == "begin" || small == "atomic") {
      words_.back() = std::move(small);
    }
    return true;
  }

  // set_config('name', 'value', true) ends with its transaction.
  [[nodiscard]] bool sets_locally() const {
    std::size_t at = at_;
    const auto takes = [this, &at](std::string_view text) {
      while (at < sql_.size() && is_space(sql_[at])) ++at;
      if (lower(sql_.substr(at, text.size())) != text) return false;
      at += text.size();
      return true;
    };
    const auto takes_string = [this, &at, &takes] {
      if (!takes("'")) return false;
      while (at < sql_.size() && sql_[at] != '\'') ++at;
      return at < sql_.size() && sql_[at++] == '\'' && (at == sql_.size() || sql_[at] != '\'');
    };
    return takes("(") && takes_string() && takes(",") && takes_string() && takes(",") &&
           takes("true") && takes(")");
  }

  // A word, or an identifier in quotes.
  void look_at(const std::string& small) {
    const bool makes_table = small == "into" && out_.first_word != "insert";
    out_.marks_session = out_.marks_session || makes_table || is_one_of(small, marking_words);
  }

  void look_at_name(std::string_view quoted_name) {
    look_at(lower(quoted_name));
    take_name(quoted_name, {});
  }

  // What a parenthesis may follow. Of "a.b.c" the last part counts, its schema, and the word before
  // the first.
  void take_name(std::string_view name, std::string_view as_word) {
    schema_.clear();
    if (after_dot_) {
      schema_ = std::move(callee_);
    } else {
      before_callee_ = std::exchange(last_word_, std::string(as_word));
    }
    after_dot_ = false;
    callee_ = name;
  }

  void forget_name() {
    callee_.clear();
    last_word_.clear();
    after_dot_ = false;
  }

  void called() {
    const bool ours = schema_.empty() || schema_ == "pg_catalog";
    const bool known =
        ours && (is_harmless_call(callee_) || (callee_ == "set_config" && sets_locally()));
    const bool is_call = !callee_.empty() && !is_one_of(before_callee_, naming_words);
    if (is_call && !known && schema_.empty()) {
      out_.calls.push_back(callee_);
    } else if (is_call && !known) {
      out_.marks_session = true;
    }
    forget_name();
  }

  bool number() {
    std::size_t length = 0;
    while (is_word(peek(length)) || peek(length) == '.') ++length;
    copy(length);
    after_operand_ = true;
    return true;
  }

  void find_out() {
    const auto word = [this](std::size_t i) -> std::string_view {
      return i < words_.size() ? std::string_view(words_[i]) : std::string_view();
    };
    const bool to_savepoint =
        word(0) == "rollback" && std::find(words_.begin(), words_.end(), "to") != words_.end();
    const bool prepares = word(0) == "prepare" && word(1) == "transaction";
    out_.controls_transaction =
        prepares || (is_one_of(word(0), transaction_words) && !to_savepoint);
    out_.marks_session = out_.marks_session || !is_one_of(word(0), plain_words);
  }

  static constexpr std::size_t words_kept = 8;
  std::string_view sql_;
  std::size_t at_ = 0;
  int depth_ = 0;     // of ( and [
  int brackets_ = 0;  // of [ alone
  bool has_token_ = false;
  bool ended_ = false;          // a ; has come
  bool has_atomic_ = false;     // BEGIN ATOMIC: a function's body, which has ; of its own
  bool after_operand_ = false;  // directly: white space lies not between
  std::string callee_;          // the name that came last; empty once something else has come
  std::string schema_;          // before it and a dot
  std::string before_callee_;   // the word right before both; empty where that is none
  std::string last_word_;
  bool after_dot_ = false;
  std::vector<std::string> words_;
  SqlText out_;
  Refusal refusal_;
};

}  // namespace

Answer<SqlText> read_sql(std::string_view sql) {
  if (sql.find('\0') != std::string_view::npos) {
    return refuse(Failure::bad_request, "sql has a zero byte, which PostgreSQL cannot read");
  }
  return Reader(sql).read();
}

}  // namespace hunt::data_api
