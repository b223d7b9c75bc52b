"""Tokenizers of the kinds that models ship with, trained on given lines, and what the reference implementations make of texts.

Needs tokenizers and sentencepiece from PyPI (0.23 and 0.2 when this was written). Each reference is a folder's worth of files, the
"tokenizer" member that a manifest would have for them, and a function from a text (and its pair) to numbers.
"""
import dataclasses
import io
import json
import pathlib

import sentencepiece
from sentencepiece import sentencepiece_model_pb2 as proto
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

BERT = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"


@dataclasses.dataclass
class Reference:
    name: str
    manifest: dict
    files: dict  # name → bytes
    encode: object  # (text, pair or None) → (ids, types)


def of_tokenizer(name, tokenizer):
    """A tokenizer.json, and what Hugging Face's tokenizers make of it."""

    def encode(text, pair=None):
        encoding = tokenizer.encode(text, pair) if pair is not None else tokenizer.encode(text)
        return encoding.ids, encoding.type_ids

    return Reference(
        name, {"kind": "file", "file": "tokenizer.json"}, {"tokenizer.json": tokenizer.to_str().encode()}, encode
    )


def bert(name, lines, size, lowercase):
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.train_from_iterator(
        lines,
        trainers.WordPieceTrainer(vocab_size=size, special_tokens=BERT, limit_alphabet=size // 2, show_progress=False),
    )
    ids = {token: tokenizer.token_to_id(token) for token in BERT}
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", ids["[CLS]"]), ("[SEP]", ids["[SEP]"])],
    )
    whole = of_tokenizer(name, tokenizer)
    vocabulary = sorted(tokenizer.get_vocab(), key=tokenizer.get_vocab().get)
    pieces = Reference(
        name + "_vocabulary",
        {
            "kind": "word_pieces",
            "vocabulary": {"file": "vocab.txt"},
            "lowercase": lowercase,
            "padding": "[PAD]",
            "unknown": "[UNK]",
            "begin": "[CLS]",
            "end": "[SEP]",
        },
        {"vocab.txt": "".join(token + "\n" for token in vocabulary).encode()},
        whole.encode,
    )
    return [whole, pieces]


def byte_level(lines, size):
    """GPT-2's, RoBERTa's, SmolLM2's and Llama 3's ways around one kind of model."""

    def trained(splitting, specials):
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = splitting
        tokenizer.train_from_iterator(
            lines,
            trainers.BpeTrainer(
                vocab_size=size,
                special_tokens=specials,
                show_progress=False,
                initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            ),
        )
        return tokenizer

    gpt2 = trained(pre_tokenizers.ByteLevel(add_prefix_space=False), ["<|endoftext|>"])
    model = json.loads(gpt2.to_str())["model"]
    files = {
        "vocab.json": json.dumps(model["vocab"]).encode(),
        "merges.txt": (
            "#version: 0.2\n"
            + "".join(" ".join(m) + "\n" if isinstance(m, list) else m + "\n" for m in model["merges"])
        ).encode(),
    }
    whole = of_tokenizer("gpt2", gpt2)
    pairs = Reference(
        "gpt2_vocabulary",
        {
            "kind": "byte_pairs",
            "vocabulary": {"file": "vocab.json"},
            "merges": {"file": "merges.txt"},
            "unknown": "<|endoftext|>",
            "padding": "<|endoftext|>",
        },
        files,
        whole.encode,
    )
    roberta = trained(pre_tokenizers.ByteLevel(add_prefix_space=True), ["<s>", "<pad>", "</s>", "<unk>"])
    roberta.add_special_tokens([AddedToken("<mask>", lstrip=True, special=True)])
    roberta.post_processor = processors.RobertaProcessing(
        ("</s>", roberta.token_to_id("</s>")), ("<s>", roberta.token_to_id("<s>"))
    )
    smollm = trained(
        pre_tokenizers.Sequence(
            [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
        ),
        ["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
    )
    llama3 = trained(
        pre_tokenizers.Sequence(
            [
                pre_tokenizers.Split(Regex(LLAMA3), "isolated"),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
            ]
        ),
        ["<|begin_of_text|>", "<|eot_id|>"],
    )
    llama3.model.ignore_merges = True
    llama3.post_processor = processors.Sequence(
        [
            processors.ByteLevel(trim_offsets=False),
            processors.TemplateProcessing(
                single="<|begin_of_text|> $A",
                pair="<|begin_of_text|> $A <|begin_of_text|>:1 $B:1",
                special_tokens=[("<|begin_of_text|>", llama3.token_to_id("<|begin_of_text|>"))],
            ),
        ]
    )
    return [
        whole,
        pairs,
        of_tokenizer("roberta", roberta),
        of_tokenizer("smollm2", smollm),
        of_tokenizer("llama3", llama3),
    ]


def llama2(lines, size):
    """Byte-pair encoding over whole texts, spaces written as U+2581, unknown characters as bytes."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    tokenizer.train_from_iterator(
        lines,
        trainers.BpeTrainer(
            vocab_size=size,
            special_tokens=["<unk>", "<s>", "</s>"] + [f"<0x{i:02X}>" for i in range(256)],
            limit_alphabet=size // 4,
            show_progress=False,
        ),
    )
    whole = json.loads(tokenizer.to_str())  # trained word by word, used on the whole text, as Llama 2's
    whole["pre_tokenizer"] = None
    whole["normalizer"] = {
        "type": "Sequence",
        "normalizers": [
            {"type": "Prepend", "prepend": "▁"},
            {"type": "Replace", "pattern": {"String": " "}, "content": "▁"},
        ],
    }
    whole["added_tokens"] = [one for one in whole["added_tokens"] if one["id"] < 3]
    first = Tokenizer.from_str(json.dumps(whole))
    whole["normalizer"] = None
    whole["pre_tokenizer"] = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": False}
    second = Tokenizer.from_str(json.dumps(whole))
    first.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s>:1 $B:1", special_tokens=[("<s>", 1)]
    )
    return [of_tokenizer("llama2", first), of_tokenizer("llama2_metaspace", second)]


def sentence(name, lines, size, end=True, **options):
    """A *.model, and what SentencePiece makes of it."""
    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines), model_writer=written, vocab_size=size, minloglevel=2, num_threads=2, **options
    )
    processor = sentencepiece.SentencePieceProcessor(model_proto=written.getvalue())

    def encode(text, pair=None):
        first = processor.encode(text) + [processor.eos_id()] * end
        second = processor.encode(pair) + [processor.eos_id()] * end if pair is not None else []
        return first + second, [0] * len(first) + [1] * len(second)

    manifest = {"kind": "file", "file": "sentence.model", "padding": 0}
    if end:
        manifest["end"] = "</s>"
    return Reference(name, manifest, {"sentence.model": written.getvalue()}, encode)


def xlm_roberta(model_bytes):
    """The tokenizer.json that is made of a unigram *.model: precompiled map, metaspace, unigram."""
    model = proto.ModelProto()
    model.ParseFromString(model_bytes)
    vocabulary = (
        [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
        + [(p.piece, p.score) for p in model.pieces[3:]]
        + [("<mask>", 0.0)]
    )
    tokenizer = Tokenizer(models.Unigram(vocabulary, unk_id=3))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Precompiled(model.normalizer_spec.precompiled_charsmap), normalizers.Replace(Regex(" {2,}"), " ")]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])
    tokenizer.add_special_tokens(["<s>", "<pad>", "</s>", "<unk>", AddedToken("<mask>", lstrip=True, special=True)])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return of_tokenizer("xlm_roberta", tokenizer)


def odd_steps(lines, size):
    """The steps that no model above has."""
    tokenizer = Tokenizer(models.WordLevel(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.Nmt(),
            normalizers.NFKD(),
            normalizers.StripAccents(),
            normalizers.Lowercase(),
            normalizers.Strip(),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Whitespace(), pre_tokenizers.Punctuation("merged_with_previous"), pre_tokenizers.Digits(False)]
    )
    tokenizer.train_from_iterator(
        lines, trainers.WordLevelTrainer(vocab_size=size, special_tokens=["[UNK]", "[PAD]"], show_progress=False)
    )
    tokenizer.add_tokens(
        [AddedToken("the", single_word=True, normalized=True), AddedToken("New York", rstrip=True, normalized=True)]
    )
    return of_tokenizer("odd_steps", tokenizer)


def all_of(lines, size, rules=None):
    """`rules`: a file that SentencePiece's rules of normalisation are read from, instead of those that it has."""
    own = {"normalization_rule_tsv": rules} if rules else {}
    folded = own or {"normalization_rule_name": "nfkc_cf"}
    small = {"hard_vocab_limit": False} if rules else {}
    references = (
        bert("bert_cased", lines, size, False)
        + bert("bert_uncased", lines, size, True)
        + byte_level(lines, size)
        + llama2(lines, size)
    )
    unigram = sentence("t5", lines, size, **own, **small)
    references += [
        unigram,
        sentence(
            "bpe_model", lines, size, model_type="bpe", byte_fallback=True, character_coverage=0.98, end=False, **own
        ),
        sentence(
            "own_symbols",
            lines,
            size,
            normalization_rule_name="identity",
            remove_extra_whitespaces=False,
            character_coverage=0.98,
            user_defined_symbols=["<sep>", "file", "..."],
            **small,
        ),
        sentence(
            "bpe_symbols",
            lines,
            size,
            model_type="bpe",
            user_defined_symbols=["<sep>", "file"],
            character_coverage=0.98,
            **folded,
        ),
        xlm_roberta(unigram.files["sentence.model"]),
        odd_steps(lines, size),
    ]
    return references


def write(references, folder):
    for reference in references:
        own = pathlib.Path(folder) / reference.name
        own.mkdir(parents=True, exist_ok=True)
        for name, content in reference.files.items():
            (own / name).write_bytes(content)
        (own / "manifest.json").write_text(json.dumps(reference.manifest) + "\n")
